/**
 * Takeover and retirement: nothing is lost, nothing is taken from the living.
 * @module
 */
import assert from "node:assert/strict";
import type { Clause } from "./harness.ts";
import {
  adoptDue,
  at,
  done,
  hold,
  idsOf,
  LONG_MS,
  mortal,
  only,
  park,
  plain,
  readNow,
  refsOf,
  replica,
  seize,
  settle,
} from "./steps.ts";

/** See the module's text. */
export const takeoverClauses: readonly Clause[] = [
  {
    name: "takeover is refused while the lease has time left, and changes nothing",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const [first] = refsOf(await hold(a, "a", 2));
      const refused = await b.takeOver("b", "a", 1, 10);
      assert.equal(refused.state, "alive");
      assert.deepEqual(refused.deliveries, []);
      assert.deepEqual(await b.recover("b", new Set(), 10), []);
      assert.equal((await settle(a, "a", done(first ?? ""))).kind, "settled");
      assert.equal((await a.beat("a", LONG_MS)).lease, "held");
    },
  },
  {
    name: "what a dead consumer held goes to the one that takes over: same ref, id and fields",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const held = await hold(a, "a", 3);
      await harness.passLease("a");
      const taken = await seize(b, "b", "a");
      assert.deepEqual(
        taken.map((delivery) => ({ ...plain(delivery), history: null })),
        held.map((delivery) => ({ ...plain(delivery), history: null })),
      );
      const outcomes = await b.settle("b", taken.map(({ ref }) => done(ref, { hasHistory: true })));
      assert.ok(outcomes.every(({ kind }) => kind === "settled"));
      assert.deepEqual(await harness.pendingIds(), []);
      assert.deepEqual(await b.peers("b"), [], "the dead consumer is seen no more");
      assert.equal((await b.stats()).consumers, 1);
    },
  },
  {
    name: "takeover goes in batches and tells how many remain, for this replica or another",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const c = await replica(harness, "c");
      await hold(a, "a", 5);
      await harness.passLease("a");
      const first = await b.takeOver("b", "a", LONG_MS, 2);
      assert.deepEqual([first.state, idsOf(first.deliveries), first.remaining], ["taken", ["e1", "e2"], 3]);
      assert.equal(only((await b.peers("b")).filter(({ consumer }) => consumer === "a")).state, "fenced");
      const second = await c.takeOver("c", "a", LONG_MS, 2);
      assert.deepEqual([second.state, idsOf(second.deliveries), second.remaining], ["taken", ["e3", "e4"], 1]);
      assert.deepEqual(idsOf(await seize(b, "b", "a")), ["e5"]);
    },
  },
  {
    name: "a dead consumer that held nothing is retired and seen no more",
    async run(harness): Promise<void> {
      await mortal(harness, "a");
      const b = await replica(harness, "b");
      await harness.passLease("a");
      assert.deepEqual(await b.takeOver("b", "a", LONG_MS, 10), {
        state: "retired",
        deliveries: [],
        remaining: 0,
        lost: 0,
      });
      assert.deepEqual(await b.peers("b"), []);
    },
  },
  {
    name: "what a dead consumer had parked is adopted with its due time, order key and history",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const [e1, e2] = refsOf(await hold(a, "a", 2));
      const outcome = await settle(a, "a", park(e1 ?? "", 60_000, "key"));
      await settle(a, "a", park(e2 ?? "", 0));
      assert.ok(outcome.kind === "settled");
      await harness.passLease("a");
      assert.deepEqual(await b.adopt("b", 10), [], "nobody's only once it was taken over");
      assert.deepEqual(await seize(b, "b", "a"), []);
      const [first, second] = await b.adopt("b", 10);
      assert.equal(first?.ref, e2);
      assert.deepEqual(second, { ref: e1, orderKey: "key", dueMs: outcome.dueMs });
      const delivery = only((await b.claimDue("b", 10)).deliveries);
      assert.deepEqual([delivery.ref, delivery.history.failures, delivery.history.error], [e2, 1, "boom"]);
    },
  },
  {
    name: "two replicas that take over the same consumer at the same time share what it held",
    async run(harness): Promise<void> {
      const a = await mortal(harness, "a");
      const b = await replica(harness, "b");
      const c = await replica(harness, "c");
      await hold(a, "a", 20);
      await harness.passLease("a");
      const taken = await Promise.all([b.takeOver("b", "a", LONG_MS, 12), c.takeOver("c", "a", LONG_MS, 12)]);
      const refs = taken.flatMap(({ deliveries }) => refsOf(deliveries));
      assert.equal(refs.length, 20);
      assert.equal(new Set(refs).size, 20);
    },
  },
  {
    name: "retire hands back what is held, at once free, and what is parked, still due when it was",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const [e1, e2, e3] = refsOf(await hold(a, "a", 3));
      await settle(a, "a", park(e3 ?? "", 60_000));
      const { handedBack, pending } = await a.retire("a");
      assert.equal(pending, 0);
      assert.ok(handedBack >= 2);
      assert.deepEqual(refsOf(await adoptDue(b, "b")), [e1, e2]);
      const { nextDueInMs } = await b.claimDue("b", 10);
      assert.ok(nextDueInMs !== null && nextDueInMs > 50_000);
      assert.deepEqual((await harness.pendingIds()).length, 3, "nothing is lost");
    },
  },
  {
    name: "retire ends the registration and is idempotent",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const { ref } = only(await hold(a, "a", 1));
      await a.retire("a");
      assert.deepEqual(await a.retire("a"), { handedBack: 0, pending: 0 });
      assert.equal((await a.beat("a", LONG_MS)).lease, "fenced");
      assert.equal((await settle(a, "a", done(ref))).kind, "fenced");
      assert.deepEqual(await b.peers("b"), []);
      assert.deepEqual(idsOf(await adoptDue(b, "b")), ["e1"]);
    },
  },
  {
    name: "retire of a consumer that holds much hands back all of it",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await replica(harness, "b");
      const held = await hold(a, "a", 1_300);
      await a.settle("a", held.slice(0, 600).map(({ ref }) => park(ref, 0)));
      assert.equal((await a.retire("a")).pending, 0);
      const adopted = await b.adopt("b", 5_000);
      assert.equal(new Set(refsOf(adopted)).size, 1_300);
    },
  },
  {
    name: "peers lists the others with what they hold, without what they parked",
    async run(harness): Promise<void> {
      const a = await replica(harness, "a");
      const b = await mortal(harness, "b");
      await replica(harness, "c");
      const [first] = refsOf(await hold(a, "a", 3));
      await settle(a, "a", park(first ?? "", 60_000));
      await hold(b, "b", 1);
      await harness.passLease("b");
      const seen = (await harness.store().peers("c")).toSorted((x, y) => x.consumer < y.consumer ? -1 : 1);
      assert.deepEqual(seen.map(({ consumer, pending, state }) => ({ consumer, pending, state })), [
        { consumer: "a", pending: 2, state: "alive" },
        { consumer: "b", pending: 1, state: "expired" },
      ]);
      assert.ok(at(seen, 0).leaseLeftMs > 0);
      assert.equal(at(seen, 1).leaseLeftMs, 0);
    },
  },
  {
    name: "a consumer of another client library is judged by idle time and blamed for nothing",
    async run(harness): Promise<void> {
      const b = await replica(harness, "b");
      await b.append([{ fields: ["id", "x"] }, { fields: ["id", "y"] }]);
      await harness.foreignRead("stranger", 2);
      const young = only(await b.peers("b"));
      assert.deepEqual([young.consumer, young.state, young.pending], ["stranger", "foreign", 2]);
      assert.equal((await b.takeOver("b", "stranger", LONG_MS, 10)).state, "alive");
      await harness.elapse(60);
      assert.ok(only(await b.peers("b")).idleMs >= 50);
      const { deliveries, remaining } = await b.takeOver("b", "stranger", 50, 10);
      assert.deepEqual(idsOf(deliveries), ["x", "y"]);
      assert.equal(remaining, 0);
      assert.ok(
        deliveries.every(({ history }) => history.suspicions + history.soloCrashes + history.sharedCrashes === 0),
      );
      assert.deepEqual(await readNow(b, "b"), []);
    },
  },
  {
    name: "a foreign consumer that comes back under its name is foreign again",
    async run(harness): Promise<void> {
      const b = await replica(harness, "b");
      await b.append([{ fields: ["id", "x"] }]);
      await harness.foreignRead("stranger", 1);
      await harness.elapse(40);
      await b.takeOver("b", "stranger", 30, 10);
      await b.append([{ fields: ["id", "y"] }]);
      await harness.foreignRead("stranger", 1);
      assert.equal(only(await b.peers("b")).state, "foreign");
      assert.equal((await b.takeOver("b", "stranger", LONG_MS, 10)).state, "alive");
    },
  },
];
