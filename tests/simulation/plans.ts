/**
 * What is published in a simulation, and what its handlers do with it. A plan travels by the event's id; what a handler
 * did so far is the world's knowledge, not the process's, so that it survives crashes.
 * @module
 */
import { type Clock, sleep } from "../../src/clock.ts";
import type { Event } from "../../src/events/event.ts";
import { defineHandler, type Handler, type HandlerContext } from "../../src/handling/define.ts";
import { HandlerTimeoutError, NonRetryableError, RetryAfterError } from "../../src/handling/errors.ts";
import type { Dice } from "./dice.ts";

/** What becomes of one event in its handler. */
export type Plan =
  | { readonly kind: "ok" | "doomed" | "fatal" | "invalid" | "ignored" | "garbage" }
  | { readonly kind: "slow"; readonly ms: number }
  /** Fails this often, then succeeds. */
  | { readonly kind: "flaky"; readonly times: number }
  | { readonly kind: "later"; readonly times: number; readonly ms: number }
  /** Runs into its time-out this often. */
  | { readonly kind: "hang"; readonly times: number }
  /** Kills its process. */
  | { readonly kind: "poison"; readonly afterMs: number }
  | { readonly kind: "effects"; readonly count: number; readonly failures: number };

/** One event of a simulation. */
export interface Planned {
  readonly id: string;
  readonly type: string;
  readonly subject: string | undefined;
  readonly plan: Plan;
  /** How often it is in the stream: a client that knows nothing of deduplication may publish it twice. */
  readonly copies: number;
}

/** What handlers ask of the world. */
export interface HandlerWorld {
  readonly clock: Clock;
  readonly timeoutMs: number;
  planOf(eventId: string): Plan;
  /** Counts one more of something about an event. @returns How many there were before. */
  count(eventId: string, what: "failed" | "postponed"): number;
  /** An attempt has begun. @returns To be called when it has ended. */
  enter(ctx: HandlerContext): () => void;
  /** Ends this process at once. */
  crash(event: Event): void;
}

/** Type of the events that handlers emit. */
export const EFFECT = "effect";
/** Type of the scheduled event. */
export const TICK = "tick";
/** Most attempts at once of the handler with a cap. */
export const CAP = 2;

const SUBJECTS = ["a", "b", "c"] as const;
/** Kinds by how often they come; `poison` comes by itself. */
const MIX: readonly (readonly [number, (dice: Dice, maxDeliveries: number) => Plan])[] = [
  [24, () => ({ kind: "ok" })],
  [14, (dice) => ({ kind: "slow", ms: dice.int(20, 900) })],
  [14, (dice, max) => ({ kind: "flaky", times: dice.int(1, Math.max(1, max - 2)) })],
  [5, () => ({ kind: "doomed" })],
  [3, () => ({ kind: "fatal" })],
  [5, (dice) => ({ kind: "later", times: dice.int(1, 6), ms: dice.int(0, 800) })],
  [4, () => ({ kind: "hang", times: 1 })],
  [24, (dice) => ({ kind: "effects", count: dice.int(1, 3), failures: dice.chance(0.3) ? 1 : 0 })],
  [2, () => ({ kind: "invalid" })],
  [2, () => ({ kind: "ignored" })],
  [3, () => ({ kind: "garbage" })],
];
const TOTAL = MIX.reduce((sum, [weight]) => sum + weight, 0);

/** Throws a population of events. */
export function populate(
  dice: Dice,
  { events, poisons, maxDeliveries, dedup }: {
    readonly events: number;
    readonly poisons: number;
    readonly maxDeliveries: number;
    readonly dedup: boolean;
  },
): readonly Planned[] {
  const planned = Array.from({ length: events }, (_, n): Planned => {
    const plan = planOf(dice, maxDeliveries);
    const copies = dedup && plan.kind === "effects" && dice.chance(0.5) ? 2 : 1;
    return { ...plannedOf(dice, `e${n}`, plan), copies };
  });
  for (let n = 0; n < poisons; n++) {
    const plan: Plan = { kind: "poison", afterMs: dice.chance(0.5) ? 0 : dice.int(1, 200) };
    planned.splice(dice.int(0, planned.length), 0, plannedOf(dice, `p${n}`, plan));
  }
  return planned;
}

/** The handlers of one process. */
export function handlersFor(world: HandlerWorld): readonly Handler[] {
  const handle = async (event: Event, ctx: HandlerContext): Promise<void> => {
    const leave = world.enter(ctx);
    try {
      await act(world, event, ctx);
    } finally {
      leave();
      // A process that slept meanwhile finds the time of its attempts over.
      if (ctx.signal.aborted && ctx.signal.reason instanceof HandlerTimeoutError) world.count(event.id, "failed");
    }
  };
  return [
    defineHandler({ type: "work", handle }),
    defineHandler({ type: "loose", ordering: "none", handle }),
    defineHandler({ type: "capped", concurrency: CAP, handle }),
    defineHandler({ type: "strict", schema: NEVER_FITS, handle }),
    defineHandler({ type: EFFECT, handle: () => {} }),
    defineHandler({ type: TICK, handle: () => {} }),
  ];
}

const NEVER_FITS = {
  "~standard": { version: 1 as const, vendor: "simulation", validate: () => ({ issues: [{ message: "never fits" }] }) },
};

function planOf(dice: Dice, maxDeliveries: number): Plan {
  let roll = dice.int(0, TOTAL - 1);
  for (const [weight, make] of MIX) {
    if (roll < weight) return make(dice, maxDeliveries);
    roll -= weight;
  }
  return { kind: "ok" };
}

function plannedOf(dice: Dice, id: string, plan: Plan): Planned {
  const subject = dice.chance(0.55) ? dice.pick(SUBJECTS) : undefined;
  const handled = dice.pick(["work", "work", "work", "loose", "capped"] as const);
  const type = plan.kind === "invalid" ? "strict" : plan.kind === "ignored" ? "nobody" : handled;
  return { id, type, subject, plan, copies: 1 };
}

async function act(world: HandlerWorld, event: Event, ctx: HandlerContext): Promise<void> {
  const plan = world.planOf(event.id);
  switch (plan.kind) {
    case "slow":
      return void await sleep(world.clock, plan.ms, ctx.signal);
    case "flaky":
      if (world.count(event.id, "failed") < plan.times) throw new Error("flaky");
      return;
    case "doomed":
      world.count(event.id, "failed");
      throw new Error("doomed");
    case "fatal":
      throw new NonRetryableError("fatal");
    case "later":
      if (world.count(event.id, "postponed") < plan.times) throw new RetryAfterError(plan.ms);
      return;
    case "hang":
      if (world.count(event.id, "failed") < plan.times) await sleep(world.clock, world.timeoutMs * 3);
      return;
    case "poison":
      if (plan.afterMs > 0) await sleep(world.clock, plan.afterMs);
      return world.crash(event);
    case "effects":
      return await emit(world, event, ctx, plan);
    default:
      return;
  }
}

async function emit(
  world: HandlerWorld,
  event: Event,
  ctx: HandlerContext,
  plan: Extract<Plan, { kind: "effects" }>,
): Promise<void> {
  for (let n = 0; n < plan.count; n++) {
    ctx.publish({ type: EFFECT, data: { of: event.id, n } });
    if (n === 0) await sleep(world.clock, 10);
  }
  if (plan.failures > 0 && world.count(event.id, "failed") < plan.failures) throw new Error("after publishing");
}
