/**
 * Test your handlers with no Redis at all, under the same semantics: `redis-stream-service/testing`.
 *
 * ```ts
 * import { defineHandler } from "redis-stream-service";
 * import { createTestKit } from "redis-stream-service/testing";
 *
 * const orderPlaced = defineHandler({
 *   type: "order.placed",
 *   handle(event, ctx) {
 *     if (ctx.attempt === 1) throw new Error("the shop is asleep");
 *     ctx.publish({ type: "invoice.requested", data: event.data });
 *   },
 * });
 *
 * await using kit = await createTestKit({ handlers: [orderPlaced] });
 * await kit.publish({ type: "order.placed", data: { orderId: "1" } });
 * console.assert(kit.parked.length === 1);
 * await kit.advance(60_000);
 * console.assert(kit.parked.length === 0);
 * console.assert(kit.published.some((event) => event.type === "invoice.requested"));
 * ```
 * @module
 */
export { createTestKit } from "./kit.ts";
export type { DeadEvent, ParkedEvent, TestKit, TestKitOptions } from "./kit.ts";
export { FakeClock } from "./fake_clock.ts";
