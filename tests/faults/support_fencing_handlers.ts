/** Handlers of the processes in the fencing tests. */
import { defineHandler } from "redis-stream-service";

/** Each event emits one effect, named after it. */
const effectOf = (id: string): { type: string; id: string; source: string } => ({
  type: "effect",
  id: `of-${id}`,
  source: "effects",
});

/** The first attempt goes on until it is told to stop, and then acts as if nobody had told it anything. */
export const zombie = defineHandler({
  type: "zombie",
  async handle(event, ctx): Promise<void> {
    ctx.log.info("start {id}", { id: event.id, attempt: ctx.attempt });
    if (ctx.attempt === 1) {
      await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve(), { once: true }));
      ctx.log.info("aborted {id}", {
        id: event.id,
        reason: (ctx.signal.reason as { code?: string } | undefined)?.code,
      });
    }
    ctx.publish(effectOf(event.id));
  },
});

/** Takes its process with it. */
export const poison = defineHandler({
  type: "poison",
  handle(event, ctx): void {
    ctx.log.info("start {id}", { id: event.id, attempt: ctx.attempt });
    Deno.kill(Deno.pid, "SIGKILL");
  },
});

/** Takes its time, and harms nobody. */
export const calm = defineHandler({
  type: "calm",
  async handle(event, ctx): Promise<void> {
    ctx.log.info("start {id}", { id: event.id, attempt: ctx.attempt });
    await new Promise((resolve) => setTimeout(resolve, 150));
    ctx.publish(effectOf(event.id));
  },
});

export const effect = defineHandler({ type: "effect", handle(): void {} });
