/** Handler of the rolling restarts: each event has one effect, which is what gets counted. */
import { defineHandler } from "redis-stream-service";

export const placed = defineHandler({
  type: "roll.placed",
  async handle(event, ctx) {
    // Long enough that some always run when the signal comes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    ctx.publish({ type: "roll.done", id: `done-${event.id}` });
    ctx.log.info("done {id}", { id: event.id, attempt: ctx.attempt });
  },
});
