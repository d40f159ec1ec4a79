/**
 * The work of the crash tests, shared by the process that dies and the one that finishes: one event of every sort, what
 * each must end as, and a store that kills its own process at a chosen step.
 * @module
 */
import { defineHandler, defineSchedule, type Handler, NonRetryableError, type Schedule } from "redis-stream-service";
import type { Settlement } from "../../src/store/port.ts";
import { RedisStreamStore } from "../../src/store/redis/redis_stream_store.ts";

/** Where a process dies: before or after the n-th call of a method that fits. */
export interface CrashPoint {
  readonly method: keyof RedisStreamStore;
  readonly when: "before" | "after";
  /** Of a settling step: only one that holds such a settlement. `effects`: a `done` with effects. */
  readonly settling?: Settlement["kind"] | "effects";
  /** 1 for the first. */
  readonly nth?: number;
}

/** Events that are in the stream, by type, with their number. */
export const EVENTS: Readonly<Record<string, number>> = { plain: 8, failing: 4, hopeless: 3, slow: 1 };
/** Ids that the dying process publishes, and that its client publishes again. */
export const PUBLISHED = ["published-1", "delayed-1"] as const;
/** `delayed-1` is held back for so long, ms. */
const DELAY_MS = 300;

/** When `delayed-1` is to appear. */
export function soon(): string {
  return new Date(Date.now() + DELAY_MS).toISOString();
}

/** Ids of all events of a type. */
export function idsOf(type: string): readonly string[] {
  return Array.from({ length: EVENTS[type] ?? 0 }, (_, n) => `${type}-${n}`);
}

/** Each event that goes well emits one effect, named after it. @param patient True: `slow` waits for its signal. */
export function handlers(patient: boolean): readonly (Handler | Schedule)[] {
  const emit = (type: string, before: (attempt: number, signal: AbortSignal) => unknown): Handler =>
    defineHandler({
      type,
      async handle(event, ctx): Promise<void> {
        await before(ctx.attempt, ctx.signal);
        ctx.publish({ type: "effect", id: `of-${event.id}`, source: "effects" });
      },
    });
  return [
    emit("plain", () => {}),
    emit("failing", (attempt) => {
      if (attempt <= 2) throw new Error("twice");
    }),
    emit("slow", (_attempt, signal) => patient ? aborted(signal) : undefined),
    defineHandler({
      type: "hopeless",
      handle(): void {
        throw new NonRetryableError("no");
      },
    }),
    defineHandler({ type: "effect", handle(): void {} }),
    defineHandler({ type: "tick", handle(): void {} }),
    defineSchedule({ name: "tick", everyMs: 500, event: { type: "tick" } }),
  ];
}

/** From now on the process dies when it comes to that point. */
export function dieAt({ method, when, settling, nth = 1 }: CrashPoint): void {
  type Call = (this: RedisStreamStore, ...args: unknown[]) => unknown;
  const methods = RedisStreamStore.prototype as unknown as Record<string, Call>;
  const original = methods[method]!;
  let calls = 0;
  methods[method] = async function (...args): Promise<unknown> {
    const meant = fits(method, settling, args) && ++calls === nth;
    if (meant && when === "before") die();
    const result = await original.apply(this, args);
    if (meant) die();
    return result;
  };
}

/** No last words, no cleaning up. */
function die(): void {
  Deno.kill(Deno.pid, "SIGKILL");
}

function fits(method: string, settling: CrashPoint["settling"], args: readonly unknown[]): boolean {
  if (method !== "settle" || settling === undefined) return true;
  return (args[1] as readonly Settlement[]).some((settlement) =>
    settling === "effects"
      ? settlement.kind === "done" && (settlement.effects?.length ?? 0) > 0
      : settlement.kind === settling
  );
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}
