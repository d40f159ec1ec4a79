import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseTakeOvers, nextCheckInMs, type PeerView } from "./reclaim.ts";

const peer = (consumer: string, state: PeerView["state"], rest: Partial<PeerView> = {}): PeerView => ({
  consumer,
  state,
  pending: 1,
  leaseLeftMs: 0,
  idleMs: 0,
  ...rest,
});
const limits = { leaseMs: 10_000, room: 100, judgeAllowed: true, random: () => 0 };
const chosen = (peers: readonly PeerView[], rest: Partial<typeof limits> = {}): readonly string[] =>
  [...chooseTakeOvers(peers, { ...limits, ...rest })].sort();

Deno.test("the expired, the fenced and the foreign that are idle for a lease are taken, the living are not", () => {
  const peers = [
    peer("alive", "alive", { leaseLeftMs: 1 }),
    peer("expired", "expired"),
    peer("fenced", "fenced"),
    peer("foreign busy", "foreign", { idleMs: 9_999 }),
    peer("foreign idle", "foreign", { idleMs: 10_000 }),
    peer("foreign idle and empty", "foreign", { idleMs: 10_000, pending: 0 }),
  ];
  assert.deepEqual(chosen(peers), ["expired", "fenced", "foreign idle"]);
});

Deno.test("who has just reconnected judges nobody, and may take from those whom others have fenced", () => {
  const peers = [peer("a", "expired"), peer("b", "fenced"), peer("c", "foreign", { idleMs: 1e9 })];
  assert.deepEqual(chosen(peers, { judgeAllowed: false }), ["b"]);
});

Deno.test("whoever lost its lease takes over itself without waiting until it may judge others", () => {
  const peers = [peer("me before", "expired"), peer("another", "expired"), peer("me alive", "alive")];
  const isFormer = (name: string): boolean => name.startsWith("me");
  assert.deepEqual(chosen(peers, { judgeAllowed: false, isFormer } as Partial<typeof limits>), ["me before"]);
});

Deno.test("the list ends where the room does, and those that hold nothing need none", () => {
  const peers = ["a", "b", "c"].map((name) => peer(name, "expired", { pending: 60 }));
  const empty = peer("empty", "expired", { pending: 0 });
  assert.equal(chosen([...peers, empty]).length, 3);
  assert.deepEqual(chosen([...peers, empty], { room: 0 }), ["empty"]);
});

Deno.test("replicas that wake together start at different ones", () => {
  const peers = ["a", "b", "c", "d"].map((name) => peer(name, "expired"));
  const firsts = new Set<string | undefined>();
  for (let n = 0; n < 100; n++) firsts.add(chooseTakeOvers(peers, { ...limits, random: () => n / 100 })[0]);
  assert.equal(firsts.size, 4);
});

const states = fc.constantFrom<PeerView["state"]>("alive", "expired", "fenced", "foreign");
const anyPeer = fc.record({ state: states, pending: fc.nat(50), leaseLeftMs: fc.nat(10_000), idleMs: fc.nat(20_000) });
const anyPeers = fc.array(anyPeer).map((list) => list.map((rest, n) => ({ consumer: `c${n}`, ...rest })));

Deno.test("nobody is taken twice, and with room all that are dead are taken", () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(anyPeers, chance, (peers, random) => {
    const names = chooseTakeOvers(peers, { ...limits, room: 1e9, random: () => random });
    assert.equal(new Set(names).size, names.length);
    const dead = peers.filter((p) =>
      p.state === "expired" || p.state === "fenced" || (p.state === "foreign" && p.pending > 0 && p.idleMs >= 10_000)
    );
    assert.deepEqual([...names].sort(), dead.map((p) => p.consumer).sort());
  }));
});

Deno.test("the next look is at the earliest end of a lease, within its bounds", () => {
  const bounds = { leaseMs: 10_000, minMs: 200, maxMs: 5_000 };
  const alive = (leaseLeftMs: number): PeerView => peer("a", "alive", { leaseLeftMs });
  assert.equal(nextCheckInMs([], bounds), 5_000);
  assert.equal(nextCheckInMs([alive(9_000)], bounds), 5_000);
  assert.equal(nextCheckInMs([alive(4_000), alive(3_000)], bounds), 3_001);
  assert.equal(nextCheckInMs([alive(10)], bounds), 200);
  assert.equal(nextCheckInMs([peer("a", "foreign", { idleMs: 9_000 })], bounds), 1_000);
  assert.equal(nextCheckInMs([peer("a", "foreign", { idleMs: 9_000, pending: 0 })], bounds), 5_000);
  assert.equal(nextCheckInMs([peer("a", "expired")], bounds), 200);
  assert.equal(nextCheckInMs([peer("a", "fenced")], bounds), 200);
});

Deno.test("whoever can die unseen is looked at within its lease", () => {
  fc.assert(fc.property(anyPeers, (peers) => {
    const inMs = nextCheckInMs(peers, { leaseMs: 10_000, minMs: 100, maxMs: 10_000 });
    assert.ok(inMs >= 100 && inMs <= 10_000);
    for (const { state, leaseLeftMs } of peers) {
      if (state === "alive") assert.ok(inMs <= Math.max(100, leaseLeftMs + 1));
    }
  }));
});
