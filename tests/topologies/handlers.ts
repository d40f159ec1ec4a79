/** Handlers of the tests on topologies: each item leaves one effect. */
import { defineHandler, NonRetryableError } from "redis-stream-service";

export const item = defineHandler({
  type: "load.item",
  handle(event, ctx): void {
    ctx.publish({ type: "load.effect", data: { of: event.id } });
  },
});

export const slow = defineHandler({
  type: "load.slow",
  async handle(event, ctx): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 200));
    ctx.publish({ type: "load.effect", data: { of: event.id } });
  },
});

export const flaky = defineHandler({
  type: "load.flaky",
  maxDeliveries: 3,
  handle(event, ctx): void {
    if (ctx.attempt === 1) throw new Error("the first attempt fails");
    ctx.publish({ type: "load.effect", data: { of: event.id } });
  },
});

export const hopeless = defineHandler({
  type: "load.hopeless",
  handle(): void {
    throw new NonRetryableError("hopeless");
  },
});
