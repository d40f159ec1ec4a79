import assert from "node:assert/strict";
import { at, done, hold, LONG_MS, park } from "../../../testing/conformance/steps.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { Delivery } from "../port.ts";
import { keysOf } from "./keys.ts";
import { ACK, ack, ackMany, pending, REST_MS, seize, test, watched } from "./ack_fixtures_test.ts";

const FENCE = keysOf("events", "g").fence("a");

test("out of memory: by script, and tried again after a rest", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const [one, two, three] = [
    await hold(scene.store, "a", 30),
    await hold(scene.store, "a", 30),
    await hold(scene.store, "a", 30),
  ];
  await scene.harness.refuse(true);
  assert.deepEqual(await watched(scene, () => ack(scene, one)), { kind: "settled", way: "both" });
  assert.deepEqual(await watched(scene, () => ack(scene, two)), { kind: "settled", way: "script" });
  await scene.harness.refuse(false);
  await scene.clock.advance(REST_MS - 1);
  assert.equal((await watched(scene, () => ack(scene, three))).way, "script");
  await scene.clock.advance(1);
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "watch" });
  assert.equal(await pending(scene), 0);
});

for (const command of ["watch", "multi", "exec"]) {
  test(`a user who may not ${command}: by script`, async (scene) => {
    await scene.harness.redis.command(["ACL", "SETUSER", scene.harness.redis.user, `-${command}`]);
    assert.deepEqual(await ackMany(scene), { kind: "settled", way: "script" });
    await scene.harness.redis.command(["ACL", "SETUSER", scene.harness.redis.user, `+${command}`]);
    await scene.clock.advance(REST_MS);
    // Where EXEC was not permitted the client stands in a transaction, which the next try ends.
    await ackMany(scene);
    await scene.clock.advance(REST_MS);
    assert.deepEqual(await ackMany(scene), { kind: "settled", way: "watch" });
    assert.equal(await pending(scene), 0);
  });
}

test("permission to EXEC lost between two batches: nothing half done", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  await scene.harness.redis.command(["ACL", "SETUSER", scene.harness.redis.user, "-exec"]);
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "both" });
  const held = await hold(scene.store, "a", 30);
  await scene.harness.redis.command(["ACL", "SETUSER", scene.harness.redis.user, "+exec"]);
  await seize(scene);
  await scene.clock.advance(REST_MS);
  assert.equal((await watched(scene, () => ack(scene, held))).kind, "fenced");
  assert.equal(await pending(scene), 30);
});

test("permission to MULTI lost between two batches: what ran by itself is counted, and nothing runs so again", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  await scene.harness.redis.command(["ACL", "SETUSER", scene.harness.redis.user, "-multi"]);
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "watch" });
  await scene.clock.advance(REST_MS);
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "script" });
});

test("everything flushed: fenced, as by script", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 30);
  await scene.harness.flushAll();
  assert.deepEqual(await watched(scene, () => ack(scene, held)), { kind: "fenced", way: "both" });
});

test("the stream deleted: gone", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 30);
  await scene.harness.deleteStream();
  assert.deepEqual(await watched(scene, () => ack(scene, held)), { kind: "gone", way: "watch" });
});

test("the stream replaced by another type: refused, as by script", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 30);
  await scene.harness.redis.command(["SET", "events", "by hand"]);
  assert.deepEqual(await watched(scene, () => ack(scene, held)), { kind: "refused", way: "both" });
});

test("the fence key deleted by hand: by script", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  await scene.harness.redis.command(["DEL", FENCE]);
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "both" });
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "script" });
  assert.equal(await pending(scene), 0);
});

test("the fence key written by hand: that batch by script, the next under the watch", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  await scene.harness.redis.command(["SET", FENCE, "by hand"]);
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "both" });
  assert.deepEqual(await ackMany(scene), { kind: "settled", way: "watch" });
});

test("a lost answer is an unknown outcome, and the next call settles what is left", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 60);
  scene.settling.after = () => {
    scene.settling.after = () => Promise.resolve();
    return Promise.reject(new StoreUnavailableError("connection", "cut", { outcomeUnknown: true }));
  };
  await assert.rejects(ack(scene, held.slice(0, 30)), { reason: "connection", outcomeUnknown: true });
  assert.equal(await pending(scene), 30, "it had been executed");
  const outcomes = await ack(scene, held);
  assert.equal(outcomes.filter(({ kind }) => kind === "gone").length, 30);
  assert.equal(await pending(scene), 0);
});

test("no answer while arming: known that nothing was settled, and no second wait", async (scene) => {
  const held = await hold(scene.store, "a", 30);
  scene.settling.after = () => {
    scene.settling.after = () => Promise.resolve();
    return Promise.reject(new StoreUnavailableError("timeout", "late", { outcomeUnknown: true }));
  };
  await assert.rejects(ack(scene, held), { reason: "timeout", outcomeUnknown: false });
  assert.equal(await pending(scene), 30);
});

test("where the scripts beside them fail, a batch whose acknowledgements went through has an unknown outcome", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 31);
  const settlements = held.map(({ ref }, index) => index === 30 ? park(ref) : done(ref));
  scene.settling.before = (words) =>
    words === ACK
      ? Promise.resolve()
      // The connection is gone, and says so at once: by itself that would be a known outcome.
      : Promise.reject(new StoreUnavailableError("connection", "none"));
  await assert.rejects(scene.store.settle("a", settlements), { reason: "connection", outcomeUnknown: true });
  assert.deepEqual(await scene.harness.pendingIds(), [at(held, 30).ref]);
});

test("where the acknowledgements fail, the scripts beside them have ended before anybody is told", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 31);
  const settlements = held.map(({ ref }, index) => index === 30 ? park(ref) : done(ref));
  let parked = false;
  scene.settling.before = (words) =>
    words === ACK
      ? Promise.reject(new StoreUnavailableError("timeout", "late", { outcomeUnknown: true }))
      : (async () => {
        await scene.harness.elapse(20);
        parked = true;
      })();
  await assert.rejects(scene.store.settle("a", settlements), { reason: "timeout", outcomeUnknown: true });
  assert.ok(parked);
  assert.equal((await scene.store.stats()).parked, 1);
});

test("a script that is only queued, in a transaction that was left open, is called over the other connection", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  const refs = (await hold(scene.store, "a", 5)).map(({ ref }) => ref);
  await scene.settling.send(["MULTI"]);
  const outcomes = await scene.store.settle("a", refs.map((ref) => park(ref)));
  assert.deepEqual(outcomes.map(({ kind }) => kind), Array(5).fill("settled"));
  assert.equal((await scene.store.stats()).parked, 5);
  await scene.harness.elapse(5);
  const { state, deliveries } = await scene.store.claimDue("a", 10);
  assert.deepEqual([state, deliveries.map(({ ref }) => ref)], ["held", refs]);
});

test("permission to EXEC lost: scripts behind the transaction run, and never a second time", async (scene) => {
  const acl = (rule: string) => scene.harness.redis.command(["ACL", "SETUSER", scene.harness.redis.user, rule]);
  assert.equal((await ackMany(scene)).way, "watch");
  const held = await hold(scene.store, "a", 35);
  const settlements = held.map(({ ref }, index) => index < 30 ? done(ref) : park(ref, LONG_MS));
  await acl("-exec");
  const outcomes = await scene.store.settle("a", settlements);
  assert.deepEqual(outcomes.map(({ kind }) => kind), Array(35).fill("settled"));
  assert.equal(await pending(scene), 5);
  await acl("+exec");
  await scene.clock.advance(REST_MS);
  // Where it to run now, it would be parked until a later time.
  const dueTimes = () => scene.harness.redis.command(["ZRANGE", "{events}:g:parked:a", "0", "-1", "WITHSCORES"]);
  const before = await dueTimes();
  await ackMany(scene);
  await scene.clock.advance(REST_MS);
  assert.equal((await ackMany(scene)).way, "watch");
  assert.deepEqual(await dueTimes(), before);
});

test("records go with the acknowledgement; where their key has a wrong type the entries still do", async (scene) => {
  const records = keysOf("events", "g").records;
  const retried = async () => {
    await scene.store.settle("a", (await hold(scene.store, "a", 20)).map(({ ref }) => park(ref)));
    await scene.harness.elapse(5);
    return (await scene.store.claimDue("a", 100)).deliveries;
  };
  const settleAll = (held: readonly Delivery[]) => () =>
    scene.store.settle("a", held.map(({ ref }) => done(ref, { hasHistory: true })));
  assert.equal((await ackMany(scene)).way, "watch");
  const first = await retried();
  assert.equal(await scene.harness.redis.command(["HLEN", records]), 20);
  assert.deepEqual(await watched(scene, settleAll(first)), { kind: "settled", way: "watch" });
  assert.equal(await scene.harness.redis.command(["EXISTS", records]), 0);
  const second = await retried();
  await scene.harness.redis.command(["SET", records, "by hand"]);
  assert.deepEqual(await watched(scene, settleAll(second)), { kind: "settled", way: "watch" });
  assert.equal(await pending(scene), 0);
});

test("taken over: neither an entry nor its record goes", async (scene) => {
  assert.equal((await ackMany(scene)).way, "watch");
  await scene.store.settle("a", (await hold(scene.store, "a", 20)).map(({ ref }) => park(ref)));
  await scene.harness.elapse(5);
  const held = (await scene.store.claimDue("a", 100)).deliveries;
  assert.equal(held.length, 20);
  const taken = await seize(scene);
  const settled = () => scene.store.settle("a", held.map(({ ref }) => done(ref, { hasHistory: true })));
  assert.deepEqual(await watched(scene, settled), { kind: "fenced", way: "both" });
  assert.equal(await pending(scene), 20);
  assert.ok(taken.every(({ history }) => history.failures === 1));
  assert.equal(await scene.harness.redis.command(["HLEN", keysOf("events", "g").records]), 20);
});
