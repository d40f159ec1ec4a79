/**
 * The handlers of the campaign. What an event does follows from its id; what each attempt saw goes to a ledger file of
 * the process, outside Redis: one write of one line to a file opened for appending.
 * @module
 */
import { defineHandler, type Event, NonRetryableError } from "redis-stream-service";
import { planOf, sha256 } from "./plan.ts";

const WHO = Deno.env.get("CONSUMER_NAME");
const LEDGER = Deno.openSync(`${Deno.env.get("CAMPAIGN_LEDGER")}/handled-${WHO}.log`, {
  append: true,
  create: true,
});

/** The work. */
export const work = defineHandler({
  type: "work.*",
  async handle(event, ctx): Promise<void> {
    const plan = planOf(event.id);
    const sha = digest(event);
    write("start", event.id, ctx.attempt, sha);
    if (plan.workMs > 0) await wait(plan.workMs, plan.deaf ? null : ctx.signal);
    if (plan.end === "letter") throw new NonRetryableError("planned: hopeless");
    if (ctx.attempt <= plan.failures) throw new Error(`planned: attempt ${ctx.attempt} of ${plan.failures} fails`);
    for (let number = 0; number < plan.effects; number++) {
      ctx.publish({ type: plan.effectType, subject: event.id, data: { of: event.id, number, sha } });
    }
    write("end", event.id, ctx.attempt, sha);
  },
});

/** Effects of which some are handled: they only leave a line. */
export const loud = defineHandler({
  type: "effect.loud",
  ordering: "none",
  handle(event, ctx): void {
    write("start", event.id, ctx.attempt, digest(event));
  },
});

function digest({ data }: Event): string {
  return sha256(data instanceof Uint8Array ? data : new TextEncoder().encode(JSON.stringify(data)));
}

function write(step: "start" | "end", id: string, attempt: number, sha: string): void {
  LEDGER.writeSync(new TextEncoder().encode(`${Date.now()} ${step} ${id} ${attempt} ${WHO} ${sha}\n`));
}

function wait(ms: number, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}
