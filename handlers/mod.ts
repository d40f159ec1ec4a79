/**
 * The events that this service handles, and its schedules. This folder is yours: export what `defineHandler` and
 * `defineSchedule` return, from here or from modules re-exported here.
 *
 * ```ts
 * import { defineHandler, NonRetryableError } from "redis-stream-service";
 * import { z } from "zod";
 *
 * export const orderPlaced = defineHandler({
 *   type: "order.placed",
 *   schema: z.object({ orderId: z.string() }),
 *   async handle(event, ctx) {
 *     const response = await fetch(`https://shop.example/orders/${event.data.orderId}`, { signal: ctx.signal });
 *     if (response.status === 404) throw new NonRetryableError("no such order");
 *     if (!response.ok) throw new Error(`shop answered ${response.status}`); // parked, tried again with backoff
 *     ctx.publish({ type: "invoice.requested", subject: event.subject, data: await response.json() });
 *   },
 * });
 * ```
 * @module
 */
export { testManual, testScheduled } from "./test_events.ts";
