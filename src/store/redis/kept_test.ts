import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { adoptDue, hold, holdOne, LONG_MS, only, park } from "../../../testing/conformance/steps.ts";
import { FakeClock } from "../../../testing/fake_clock.ts";
import { PackedFields } from "../../events/packed.ts";
import { FRESH, type Settlement } from "../port.ts";
import { KeptEntries } from "./kept.ts";
import { TestChannel } from "./test_channel.ts";
import { openHarness } from "./test_harness.ts";

const past = { ...FRESH, failures: 1, error: "boom" };

/** As in a reply: with other bytes before each value. */
function packedOf(...values: readonly (string | Uint8Array)[]): PackedFields {
  const parts: Uint8Array[] = [];
  const places: number[] = [];
  let at = 0;
  for (const value of values.map((one) => Buffer.from(one as string))) {
    parts.push(Buffer.from("$7\r\n"), value);
    places.push(at += 4, at += value.length);
  }
  return new PackedFields(Buffer.concat(parts), { table: Uint32Array.from(places) });
}

/** Parks one, with fields to keep that are not those that Redis has: only so can be told which of them come back. */
function parkKept(ref: string): Settlement {
  const parked = park(ref);
  assert.equal(parked.kind, "park");
  return { ...parked as Extract<Settlement, { kind: "park" }>, packed: packedOf("what", "is kept") };
}

Deno.test("kept entries: what is kept comes back byte for byte, with its history, once", () => {
  const kept = new KeptEntries(new FakeClock());
  const bytes = Uint8Array.of(0, 255, 13, 10);
  const entries = [packedOf("type", "x", "data", bytes), packedOf("type", "y", "data", ""), packedOf("a", "ä")];
  entries.forEach((fields, index) => assert.equal(kept.keep("a", `1-${index}`, fields, past, 5), true));
  entries.forEach((fields, index) => {
    const back = kept.take("a", `1-${index}`);
    assert.deepEqual(back?.fields.map((one) => [...one]), fields.unpack().map((one) => [...one]));
    assert.equal(back?.history, past);
    assert.deepEqual([back.ref, back.entryId], [`1-${index}`, `1-${index}`]);
    assert.equal(kept.take("a", `1-${index}`), null);
  });
});

Deno.test("kept entries: what has a record never has the history that says that it has none", () => {
  const kept = new KeptEntries(new FakeClock());
  kept.keep("a", "1-0", packedOf("type", "x"), FRESH, 5);
  const back = kept.take("a", "1-0");
  assert.notEqual(back?.history, FRESH);
  assert.deepEqual(back?.history, { ...FRESH });
});

Deno.test("kept entries: the latest park alone counts, and what it does not keep is not kept from before", () => {
  const kept = new KeptEntries(new FakeClock());
  const large = packedOf("type", "x".repeat(2_049));
  for (const keepsNot of [[undefined, 5], [large, 5], [packedOf("type", "x"), 60_001]] as const) {
    assert.equal(kept.keep("a", "1-0", packedOf("type", "x"), past, 5), true);
    assert.equal(kept.keep("a", "1-0", keepsNot[0], past, keepsNot[1]), false);
    assert.equal(kept.take("a", "1-0"), null);
  }
});

Deno.test("kept entries: another consumer name has none of them", () => {
  const kept = new KeptEntries(new FakeClock());
  kept.keep("a", "1-0", packedOf("type", "x"), past, 5);
  assert.equal(kept.take("b", "1-0"), null);
  kept.keep("b", "2-0", packedOf("type", "x"), past, 5);
  assert.equal(kept.take("a", "1-0"), null);
  assert.equal(kept.size, 1);
});

Deno.test("kept entries: they are bounded, and what nobody asked for makes room in the end", async () => {
  const clock = new FakeClock();
  const kept = new KeptEntries(clock);
  const fields = packedOf("type", "x".repeat(2_000));
  let count = 0;
  while (kept.keep("a", `${count + 1}-0`, fields, past, 5)) assert.ok(++count < 100_000, "not bounded");
  assert.ok(kept.byteLength <= 8 * 1_024 * 1_024 && kept.size === count && count > 3_000);
  // Once all that lay in a slab was taken, another may take its place.
  for (let at = 0; at < count; at++) kept.take("a", `${at + 1}-0`);
  assert.equal(kept.keep("a", "1-0", fields, past, 5), true);
  assert.ok(kept.byteLength <= 65_536);
  while (kept.keep("a", `${++count}-1`, fields, past, 5));
  await clock.advance(90_000);
  assert.equal(kept.keep("a", "1-2", fields, past, 5), true);
  assert.equal(kept.size, 1);
});

Deno.test("kept entries: what comes and goes at once uses up no room", () => {
  const kept = new KeptEntries(new FakeClock());
  const fields = packedOf("type", "x".repeat(2_000));
  for (let at = 0; at < 6_000; at++) {
    assert.equal(kept.keep("a", `${at}-0`, fields, past, 5), true);
    assert.notEqual(kept.take("a", `${at}-0`), null);
  }
  assert.ok(kept.byteLength <= 65_536);
});

Deno.test("kept entries: what went wrong with them is bounded too, and taking them makes room", () => {
  const kept = new KeptEntries(new FakeClock());
  const error = "x".repeat(2_000);
  const earlier = [{ atMs: 1, error: "y".repeat(300) }];
  const keep = (at: number): boolean =>
    kept.keep("a", `${at}-0`, packedOf("type", "x"), { ...past, error, earlier }, 5);
  let count = 0;
  while (keep(count)) assert.ok(++count * 2_300 <= 4_194_304, "not bounded");
  assert.ok(count > 1_000, `${count}`);
  kept.take("a", "0-0");
  assert.equal(keep(count), true);
  assert.equal(keep(count + 1), false);
});

Deno.test("redis store: parked entries that are not kept any more are fetched when due", async () => {
  await using harness = await openHarness();
  const store = harness.store();
  await store.ensureGroup();
  await store.register("a", LONG_MS);
  const [one, two] = await hold(store, "a", 2);
  await store.settle("a", [parkKept(one!.ref), parkKept(two!.ref)]);
  // Of the same name, with nothing in its memory.
  const other = harness.store();
  await harness.elapse(1);
  const { deliveries } = await other.claimDue("a", 1);
  const [found] = deliveries;
  const original = [one!, two!].find(({ ref }) => ref === found?.ref);
  assert.deepEqual(found?.fields.map(String), original?.fields.map(String));
  assert.equal(found?.history.error, "boom");
  // The first, which kept what it was given, asks for nothing.
  const kept = only((await store.claimDue("a", 10)).deliveries);
  assert.deepEqual(kept.fields.map((one) => Buffer.from(one).toString()), ["what", "is kept"]);
  assert.equal(kept.history.error, "boom");
});

Deno.test("redis store: what another consumer name parked and kept is fetched", async () => {
  await using harness = await openHarness();
  const store = harness.store();
  await store.ensureGroup();
  await store.register("a", LONG_MS);
  await store.register("b", LONG_MS);
  const held = await holdOne(store, "a");
  await store.settle("a", [parkKept(held.ref)]);
  await store.retire("a");
  const found = only(await adoptDue(store, "b"));
  assert.deepEqual(found.fields.map(String), held.fields.map(String));
  const record = String(await harness.redis.command(["HGET", "{events}:g:records", held.ref]));
  assert.ok(record.includes('"by":"b"') && !record.includes("kept"), record);
});

/** Does something right before a call that ends with this ref. */
class Meddling extends TestChannel {
  readonly #ref: string;
  readonly #meddle: () => Promise<unknown>;

  constructor(url: string, ref: string, meddle: () => Promise<unknown>) {
    super(url);
    this.#ref = ref;
    this.#meddle = meddle;
  }

  override async pipeline(...args: Parameters<TestChannel["pipeline"]>) {
    if (args[0].some((command) => command.at(-1) === this.#ref)) await this.#meddle();
    return await super.pipeline(...args);
  }
}

for (
  const [what, lost, meddle] of [
    ["deleted", 1, ["XDEL", "events"]],
    ["acknowledged by hand", 0, ["XACK", "events", "g"]],
  ] as const
) {
  Deno.test(`redis store: what is ${what} between claim and fetch is told not to come`, async () => {
    await using harness = await openHarness();
    const store = harness.store();
    await store.ensureGroup();
    await store.register("a", LONG_MS);
    const { ref } = await holdOne(store, "a");
    await store.settle("a", [parkKept(ref)]);
    await harness.elapse(1);
    await using command = new Meddling(harness.redis.url, ref, () => harness.redis.command([...meddle, ref]));
    const claimed = await harness.store("g", { command }).claimDue("a", 10);
    assert.deepEqual(claimed, { state: "held", deliveries: [], nextDueInMs: null, lost, lostRefs: [ref] });
  });
}

Deno.test("redis store: a user who was set up before HMGET was needed claims what is due all the same", async () => {
  await using harness = await openHarness();
  const store = harness.store();
  await store.ensureGroup();
  await store.register("a", LONG_MS);
  const { ref } = await holdOne(store, "a");
  await harness.redis.command(["ACL", "SETUSER", "default", "-hmget"]);
  await store.settle("a", [parkKept(ref)]);
  await harness.elapse(1);
  assert.equal(only((await store.claimDue("a", 10)).deliveries).ref, ref);
});
