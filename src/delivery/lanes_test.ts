import assert from "node:assert/strict";
import fc from "fast-check";
import { compareIds } from "./ids.ts";
import { type LaneItem, Lanes } from "./lanes.ts";

const item = (id: number, key: string | null = null, rest: Partial<LaneItem> = {}): LaneItem => ({
  ref: `s\0${id}-0`,
  id: `${id}-0`,
  key,
  cap: null,
  alone: false,
  node: null,
  ...rest,
});
const ref = (id: number): string => item(id).ref;
const lanesWith = (...items: readonly LaneItem[]): Lanes<LaneItem> => {
  const lanes = new Lanes<LaneItem>();
  for (const one of items) assert.ok(lanes.push(one));
  return lanes;
};
/** What was taken last, by ref. */
const taken = new Map<string, LaneItem>();
const take = (lanes: Lanes<LaneItem>, limit = Infinity): number[] =>
  lanes.take(limit).map((one) => {
    taken.set(one.ref, one);
    return Number.parseInt(one.id);
  });
const finish = (lanes: Lanes<LaneItem>, id: number, how: { parked?: boolean } = {}): void =>
  lanes.finish(taken.get(ref(id))!, how);

Deno.test("entries without a key start in the order in which they came, as many as are asked for", () => {
  const lanes = lanesWith(item(1), item(2), item(3));
  assert.deepEqual(take(lanes, 2), [1, 2]);
  assert.deepEqual([lanes.waiting, lanes.running, lanes.size], [1, 2, 3]);
  assert.deepEqual(take(lanes, 0), []);
  assert.deepEqual(take(lanes), [3]);
});

Deno.test("one entry of a key runs at a time, in order", () => {
  const lanes = lanesWith(item(1, "a"), item(2, "a"), item(3, "b"));
  assert.deepEqual(take(lanes), [1, 3]);
  assert.deepEqual(take(lanes), []);
  finish(lanes, 1);
  assert.deepEqual(take(lanes), [2]);
});

Deno.test("a parked entry holds its key, for those that come later too, until it comes back", () => {
  const lanes = lanesWith(item(1, "a"), item(2, "a"));
  take(lanes);
  finish(lanes, 1, { parked: true });
  lanes.push(item(3, "a"));
  assert.deepEqual(take(lanes), []);
  assert.deepEqual([lanes.blockedKeys, lanes.parked, lanes.waiting], [1, 1, 2]);
  assert.ok(lanes.push(item(1, "a")));
  assert.deepEqual(take(lanes), [1]);
  assert.equal(lanes.blockedKeys, 0);
  finish(lanes, 1);
  assert.deepEqual(take(lanes), [2]);
});

Deno.test("freeing a parked entry lets its key go on, once", () => {
  const lanes = lanesWith(item(1, "a"), item(2, "a"));
  take(lanes);
  finish(lanes, 1, { parked: true });
  assert.equal(lanes.free(ref(1)), true);
  assert.equal(lanes.free(ref(1)), false);
  assert.equal(lanes.free("unknown"), false);
  assert.deepEqual(take(lanes), [2]);
});

Deno.test("several parked entries of a key come back in the order of their ids", () => {
  const lanes = lanesWith(item(11, "a"));
  assert.ok(lanes.blockParked(ref(9), "a"));
  assert.ok(lanes.blockParked(ref(10), "a"));
  assert.equal(lanes.blockParked(ref(10), "a"), false);
  assert.equal(lanes.blockedKeys, 1);
  lanes.push(item(10, "a"));
  assert.deepEqual(take(lanes), []);
  lanes.push(item(9, "a"));
  for (const next of [9, 10, 11]) {
    assert.deepEqual(take(lanes), [next]);
    finish(lanes, next);
  }
  assert.equal(lanes.size, 0);
});

Deno.test("what is older than the parked entry need not wait for it", () => {
  const lanes = lanesWith(item(3, "a"), item(12, "a"));
  lanes.blockParked(ref(10), "a");
  assert.deepEqual(take(lanes), [3]);
  finish(lanes, 3);
  assert.deepEqual(take(lanes), []);
});

Deno.test("a parked replay holds its key at the place of its entry", () => {
  const lanes = lanesWith(item(7, "a"));
  lanes.blockParked("s\0r:6-0", "a");
  assert.deepEqual(take(lanes), []);
  lanes.free("s\0r:6-0");
  assert.deepEqual(take(lanes), [7]);
});

Deno.test("parking an entry without a key holds nothing, and it may come back", () => {
  const lanes = lanesWith(item(1));
  take(lanes);
  finish(lanes, 1, { parked: true });
  assert.deepEqual([lanes.size, lanes.parked], [0, 0]);
  assert.ok(lanes.push(item(1)));
  assert.deepEqual(take(lanes), [1]);
});

Deno.test("a retry may come back under another key or none", () => {
  const lanes = lanesWith(item(1, "a"), item(2, "a"));
  take(lanes);
  finish(lanes, 1, { parked: true });
  lanes.push(item(1, "b"));
  assert.deepEqual(take(lanes).sort(), [1, 2]);
});

Deno.test("an entry is in the lanes once", () => {
  const one = item(1, "a");
  const lanes = lanesWith(one);
  assert.equal(lanes.push(one), false);
  lanes.finish(one);
  take(lanes);
  assert.equal(lanes.push(one), false);
  assert.equal(lanes.size, 1);
  lanes.finish(item(2, "a"));
  finish(lanes, 1);
  finish(lanes, 1);
  assert.deepEqual([lanes.size, lanes.running], [0, 0]);
});

Deno.test("a handler's cap holds its own back and nobody else", () => {
  const cap = { group: {}, limit: 2 };
  const lanes = lanesWith(
    ...[1, 2, 3].map((id) => item(id, null, { cap })),
    item(4, "a", { cap }),
    item(5, "b"),
    item(6),
  );
  const first = take(lanes);
  assert.deepEqual(first.filter((id) => id >= 5).sort(), [5, 6]);
  assert.equal(first.length, 4);
  finish(lanes, first.find((id) => id <= 4)!);
  assert.equal(take(lanes).length, 1);
});

Deno.test("handlers are told apart by identity, not by what their name looks like", () => {
  const lanes = lanesWith(
    item(1, null, { cap: { group: {}, limit: 1 } }),
    item(2, null, { cap: { group: {}, limit: 1 } }),
  );
  assert.deepEqual(take(lanes), [1, 2]);
});

Deno.test("a lone entry waits until nothing runs, and then nothing else starts", () => {
  const lanes = lanesWith(item(1), item(2));
  assert.deepEqual(take(lanes, 1), [1]);
  lanes.push(item(3, null, { alone: true }));
  assert.deepEqual(take(lanes), []);
  finish(lanes, 1);
  assert.deepEqual(take(lanes), [3]);
  assert.deepEqual(take(lanes), []);
  finish(lanes, 3);
  assert.deepEqual(take(lanes), [2]);
});

Deno.test("between two lone entries the others have a turn", () => {
  const alone = { alone: true };
  const lanes = lanesWith(item(1, null, alone), item(2, null, alone), item(3), item(4, "a"));
  assert.deepEqual(take(lanes), [1]);
  finish(lanes, 1);
  assert.deepEqual(take(lanes).sort(), [3, 4]);
  finish(lanes, 3);
  finish(lanes, 4);
  assert.deepEqual(take(lanes), [2]);
});

Deno.test("the turn of the others ends, so that a flood does not keep a lone entry waiting", () => {
  const lanes = lanesWith(item(1, null, { alone: true }), item(2, null, { alone: true }));
  for (let id = 3; id < 1_003; id++) lanes.push(item(id));
  assert.deepEqual(take(lanes), [1]);
  finish(lanes, 1);
  let others = 0;
  for (let batch = take(lanes, 10); batch[0] !== 2; batch = take(lanes, 10)) {
    others += batch.length;
    for (const id of batch) finish(lanes, id);
    assert.ok(others <= 100);
  }
});

Deno.test("a lone entry behind a parked one of its key holds nobody else back", () => {
  const lanes = lanesWith(item(5, "a", { alone: true }), item(6));
  lanes.blockParked(ref(4), "a");
  assert.deepEqual(take(lanes), [6]);
});

Deno.test("a hot key and a flood without keys starve no other key", () => {
  const lanes = new Lanes<LaneItem>();
  let id = 0;
  for (let n = 0; n < 500; n++) lanes.push(item(++id, "hot"));
  for (let n = 0; n < 500; n++) lanes.push(item(++id));
  lanes.push(item(++id, "cold"));
  const last = id;
  const started: number[] = [];
  while (!started.includes(last)) {
    const batch = take(lanes, 1);
    started.push(...batch);
    for (const one of batch) finish(lanes, one);
    assert.ok(started.length < 10);
  }
});

Deno.test("a slow handler with a long backlog does not keep another waiting", () => {
  const slow = { cap: { group: "slow", limit: 1 } };
  const quick = { cap: { group: "quick", limit: 10 } };
  const lanes = new Lanes<LaneItem>();
  for (let id = 1; id <= 100; id++) lanes.push(item(id, null, slow));
  for (let id = 101; id <= 105; id++) lanes.push(item(id, null, quick));
  assert.deepEqual(take(lanes, 4), [1, 101, 102, 103]);
});

Deno.test("spilling takes the newest, those behind parked entries first, and nothing that runs", () => {
  const lanes = lanesWith(item(1, "a"), item(2, "a"), item(3, "a"), item(4), item(5, "b"), item(6, "b"));
  assert.deepEqual(take(lanes, 1), [4]);
  lanes.blockParked(ref(0), "a");
  const ids = (spilled: readonly LaneItem[]): string[] => spilled.map(({ id }) => id);
  assert.deepEqual(ids(lanes.spill(2)), ["3-0", "2-0"]);
  assert.deepEqual(ids(lanes.spill(2)), ["1-0", "6-0"]);
  assert.deepEqual([lanes.waiting, lanes.running], [1, 1]);
  assert.deepEqual(take(lanes), [5]);
  assert.deepEqual(lanes.spill(9), []);
});

Deno.test("draining takes all that waits; what is parked still holds its key", () => {
  const lanes = lanesWith(item(1, "a"), item(2, "a"), item(3), item(4, "b"), item(5, null, { alone: true }));
  lanes.blockParked(ref(0), "a");
  assert.deepEqual(lanes.drainWaiting().map(({ id }) => id), ["1-0", "2-0", "3-0", "4-0", "5-0"]);
  assert.deepEqual([lanes.size, lanes.blockedKeys], [0, 1]);
  assert.deepEqual(take(lanes), []);
  lanes.push(item(1, "a"));
  assert.deepEqual(take(lanes), []);
  lanes.free(ref(0));
  assert.deepEqual(take(lanes), [1]);
});

Deno.test("a lane that holds nothing is forgotten", () => {
  const lanes = new Lanes<LaneItem>();
  for (let id = 0; id < 10_000; id++) {
    lanes.push(item(id, `key-${id}`));
    lanes.blockParked(`s\0r:${id}-1`, `other-${id}`);
    lanes.free(`s\0r:${id}-1`);
    assert.equal(lanes.keys, 1);
    for (const one of id % 2 === 0 ? lanes.take(1) : lanes.spill(1)) lanes.finish(one);
    assert.equal(lanes.keys, 0);
  }
});

// --- against a naive model ------------------------------------------------------------------------------------------

/** Says by plain search what may start; knows nothing of queues. */
class Model {
  readonly waiting = new Map<string, LaneItem>();
  readonly running = new Map<string, LaneItem>();
  readonly parked = new Map<string, LaneItem>();

  mayStart(candidate: LaneItem): boolean {
    const running = [...this.running.values()];
    if (running.some(({ alone }) => alone) || (candidate.alone && running.length > 0)) return false;
    return this.atHead(candidate) && (candidate.alone || this.hasSlot(candidate));
  }

  atHead({ key, id }: LaneItem): boolean {
    if (key === null) return true;
    const older = (other: LaneItem): boolean => other.key === key && compareIds(other.id, id) < 0;
    return ![...this.running.values()].some((other) => other.key === key) &&
      ![...this.waiting.values(), ...this.parked.values()].some(older);
  }

  hasSlot({ cap }: LaneItem): boolean {
    if (cap === null) return true;
    const used = [...this.running.values()].filter((other) => !other.alone && other.cap?.group === cap.group).length;
    return used < cap.limit;
  }
}

const CAPS = [null, null, { group: "g1", limit: 1 }, { group: "g2", limit: 2 }] as const;
const fresh = fc.record({
  key: fc.constantFrom(null, "a", "b", "c"),
  cap: fc.constantFrom(...CAPS),
  alone: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), fresh }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("take" as const), limit: fc.nat(4) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("finish" as const, "park" as const), pick: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("retry" as const, "free" as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("adopt" as const), key: fc.constantFrom("a", "b", "c") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("spill" as const, "drain" as const), n: fc.nat(3) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer O> ? O : never;

/** Runs operations on the lanes and on the model, and checks after each that they agree. */
class Bench {
  readonly lanes = new Lanes<LaneItem>();
  readonly model = new Model();
  /** Every ref that was pushed, and where it is now: nothing is lost, nothing is there twice. */
  readonly gone = new Set<string>();
  #nextId = 1;

  run(op: Operation): void {
    switch (op.do) {
      case "push":
        return this.push({ ...item(this.#nextId++), ...op.fresh });
      case "take":
        return this.take(op.limit);
      case "finish":
      case "park":
        return this.finish(pick(this.model.running, op.pick), op.do === "park");
      case "retry":
      case "free":
        return this.unpark(pick(this.model.parked, op.pick), op.do === "retry");
      case "adopt":
        return this.adopt(item(this.#nextId++, op.key));
      case "spill":
      case "drain":
        return this.remove(op.do === "drain" ? this.lanes.drainWaiting() : this.lanes.spill(op.n), op);
    }
  }

  check(): void {
    const { waiting, running, parked } = this.model;
    assert.deepEqual([this.lanes.waiting, this.lanes.running, this.lanes.parked], [
      waiting.size,
      running.size,
      parked.size,
    ]);
    const keysOf = (...items: readonly LaneItem[]): number => new Set(items.flatMap(({ key }) => key ?? [])).size;
    assert.equal(this.lanes.blockedKeys, keysOf(...parked.values()));
    assert.equal(this.lanes.keys, keysOf(...waiting.values(), ...running.values(), ...parked.values()));
  }

  push(one: LaneItem): void {
    assert.ok(this.lanes.push(one));
    assert.ok(!this.lanes.push(one));
    this.model.waiting.set(one.ref, one);
  }

  take(limit: number): void {
    const started = this.lanes.take(limit);
    assert.ok(started.length <= limit);
    for (const one of started) {
      assert.equal(this.model.waiting.get(one.ref), one, "not waiting");
      assert.ok(this.model.mayStart(one), "must not start");
      this.model.waiting.delete(one.ref);
      this.model.running.set(one.ref, one);
    }
    if (started.length < limit) this.#checkNothingLeft();
  }

  /** Less was started than asked for: nothing else may start, or a lone entry is next and waits for silence. */
  #checkNothingLeft(): void {
    const heads = [...this.model.waiting.values()].filter((one) => this.model.atHead(one));
    if (heads.some(({ alone }) => alone)) return assert.ok(this.model.running.size > 0, "a lone entry could start");
    assert.ok(!heads.some((one) => this.model.mayStart(one)), "something could start");
  }

  finish(one: LaneItem | undefined, parked: boolean): void {
    if (one === undefined) return;
    this.lanes.finish(one, { parked });
    this.model.running.delete(one.ref);
    if (parked && one.key !== null) this.model.parked.set(one.ref, one);
    else this.gone.add(one.ref);
  }

  unpark(one: LaneItem | undefined, retry: boolean): void {
    if (one === undefined) return;
    this.model.parked.delete(one.ref);
    if (retry) return this.push(one);
    assert.ok(this.lanes.free(one.ref));
    this.gone.add(one.ref);
  }

  adopt(one: LaneItem): void {
    assert.ok(this.lanes.blockParked(one.ref, one.key!));
    this.model.parked.set(one.ref, one);
  }

  remove(removed: readonly LaneItem[], op: { do: "spill" | "drain"; n: number }): void {
    const before = this.model.waiting.size;
    assert.equal(removed.length, op.do === "drain" ? before : Math.min(op.n, before));
    for (const { ref } of removed) assert.ok(this.model.waiting.delete(ref), "removed what does not wait");
    for (const { ref } of removed) this.gone.add(ref);
  }

  /** Lets everything end: whatever is parked comes back, and all must have been started. */
  finishAll(): void {
    for (const one of [...this.model.parked.values()]) this.unpark(one, true);
    for (let round = 0; this.model.waiting.size + this.model.running.size > 0; round++) {
      assert.ok(round < 1_000, "stuck");
      this.take(3);
      for (const one of [...this.model.running.values()]) this.finish(one, false);
      this.check();
    }
    assert.equal(this.gone.size, this.#nextId - 1);
    assert.deepEqual(this.lanes.take(10), []);
  }
}

function pick(from: ReadonlyMap<string, LaneItem>, index: number): LaneItem | undefined {
  return [...from.values()][from.size === 0 ? 0 : index % from.size];
}

Deno.test("whatever happens, order, caps and loneliness hold, all that may start does, and nothing is lost", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120, size: "max" }), (operations) => {
      const bench = new Bench();
      for (const op of operations) {
        bench.run(op);
        bench.check();
      }
      bench.finishAll();
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("while one runs alone or is to, only as many others are worth adding as get a turn before the next", () => {
  const lanes = lanesWith(item(1));
  assert.deepEqual([take(lanes), lanes.appetite], [[1], Infinity]);
  lanes.push(item(2, null, { alone: true }));
  lanes.push(item(3, null, { alone: true }));
  assert.deepEqual([take(lanes), lanes.appetite], [[], 64]);
  lanes.push(item(4));
  assert.equal(lanes.appetite, 63);
  for (let id = 5; id < 100; id++) lanes.push(item(id));
  assert.equal(lanes.appetite, 0);
});

Deno.test("once nothing is to run alone any more, there is no limit", () => {
  const lanes = lanesWith(item(1, null, { alone: true }));
  assert.equal(lanes.appetite, 64);
  assert.deepEqual(take(lanes), [1]);
  assert.equal(lanes.appetite, 0, "nothing could start beside it");
  finish(lanes, 1);
  assert.equal(lanes.appetite, Infinity);
});
