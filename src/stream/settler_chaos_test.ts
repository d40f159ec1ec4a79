/**
 * A settler under whatever can happen to its calls: slow, lost before or after they took effect, refused, fenced.
 */
import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { StoreUnavailableError } from "../errors.ts";
import { FRESH, type Settlement, type SettleOutcome, type StreamStore } from "../store/port.ts";
import { Settler } from "./settler.ts";

const SEEDS = Number(Deno.env.get("SETTLER_SEEDS") ?? 150);
const ROUNDS = 30;

function dice(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

class Chaos {
  readonly clock = new FakeClock();
  readonly roll: (below: number) => number;
  readonly settler: Settler;
  /** What is left to settle, in the store's eyes. */
  readonly pending = new Set<string>();
  /** How often each was told its end. */
  readonly told = new Map<string, string[]>();
  /** What a settler would take for a failure of its store. */
  readonly problems: string[] = [];
  underWay = 0;
  name = "c0";
  quiet = false;
  #last = 0;

  constructor(seed: number) {
    this.roll = dice(seed);
    this.settler = new Settler({
      store: {
        settle: (name: string, all: readonly Settlement[]) => this.#settle(name, all),
      } as unknown as StreamStore,
      clock: this.clock,
      consumer: () => this.name,
      dedupWindowMs: 0,
      onRefused: () => {},
    });
  }

  add(plain = this.roll(3) > 0): void {
    const ref = `${++this.#last}-0`;
    const name = this.name;
    this.pending.add(`${name} ${ref}`);
    this.told.set(ref, []);
    this.settler.add({
      settlement: plain ? { kind: "done", ref } : { kind: "park", ref, delayMs: 100, history: FRESH },
      uncertain: false,
      done: ({ kind }) => {
        this.told.get(ref)!.push(kind);
        if (kind === "fenced" && name === this.name) this.fenced();
      },
    });
  }

  fenced(): void {
    this.name = `c${Number(this.name.slice(1)) + 1}`;
    this.settler.abandon();
  }

  async #settle(name: string, all: readonly Settlement[]): Promise<readonly SettleOutcome[]> {
    if (all.length === 0) this.problems.push("a call for nothing");
    if (++this.underWay > 1) this.problems.push("two calls at a time");
    const fate = this.quiet ? 9 : this.roll(12);
    await this.#takes();
    try {
      if (fate === 0) throw new StoreUnavailableError("timeout", "lost before", { outcomeUnknown: true });
      if (fate === 1) throw new StoreUnavailableError("connection", "not sent", { outcomeUnknown: false });
      const outcomes = all.map(({ ref }) => this.#outcome(name, ref, fate));
      await this.#takes();
      if (fate === 2) throw new StoreUnavailableError("timeout", "lost after", { outcomeUnknown: true });
      return outcomes;
    } finally {
      this.underWay--;
    }
  }

  #outcome(name: string, ref: string, fate: number): SettleOutcome {
    if (name !== this.name || fate === 3) return { kind: "fenced" };
    if (fate === 4 && this.roll(2) === 0) return { kind: "refused", reason: "out_of_memory", message: "no" };
    return { kind: this.pending.delete(`${name} ${ref}`) ? "settled" : "gone" };
  }

  #takes(): Promise<void> {
    const ms = this.quiet ? 0 : this.roll(20);
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }
}

async function live(seed: number): Promise<void> {
  const chaos = new Chaos(seed);
  const { clock, settler, roll } = chaos;
  for (let round = 0; round < ROUNDS; round++) {
    for (let count = roll(5) === 0 ? 100 + roll(1_500) : roll(6); count > 0; count--) chaos.add();
    if (roll(20) === 0) chaos.fenced();
    await clock.advance(roll(3) === 0 ? roll(600) : roll(4));
  }
  chaos.quiet = true;
  await clock.advance(2_000);
  chaos.add(false);
  const drained = settler.drained(new AbortController().signal);
  await clock.advance(2_000);
  assert.deepEqual(chaos.problems, []);
  assert.equal(settler.size, 0);
  assert.equal(await drained, 0);
  for (const [ref, ends] of chaos.told) {
    assert.equal(ends.length, 1, `${ref} was told ${ends.join()}`);
    assert.notEqual(ends[0], "gone", `${ref} was asked for once, or after an answer that was lost`);
  }
  for (const one of chaos.pending) {
    assert.equal(chaos.told.get(one.split(" ")[1]!)![0], "fenced", `${one} was told to be settled, and is not`);
  }
  assert.equal(clock.pending, 0);
}

Deno.test("whatever happens to its calls, a settler tells each its end once, truly, and comes to rest", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    await live(seed).catch((error) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
  }
});
