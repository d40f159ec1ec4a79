/**
 * Steps that clauses are made of.
 * @module
 */
import assert from "node:assert/strict";
import {
  type AppendItem,
  type Delivery,
  FRESH,
  type History,
  type LetterInfo,
  type Settlement,
  type SettleOutcome,
  type StreamStore,
} from "../../src/store/port.ts";
import { waitFor } from "../wait.ts";
import type { Harness } from "./harness.ts";

/** A lease that does not run out in a test, ms. */
export const LONG_MS = 60_000;
/** Retention that removes nothing by length or by age. */
export const PLENTY = 1_000_000_000;

const decoder = new TextDecoder();

/** An event named by its id. */
export function item(id: string, more: Omit<AppendItem, "fields"> = {}): AppendItem {
  return { fields: ["type", "t", "id", id], ...more };
}

/** A store with its group made, and a consumer that stays alive. */
export async function replica(harness: Harness, consumer: string, group?: string): Promise<StreamStore> {
  const store = harness.store(group);
  await store.ensureGroup();
  await store.register(consumer, LONG_MS);
  return store;
}

/** As {@link replica}, with a lease that runs out soon. */
export async function mortal(harness: Harness, consumer: string, group?: string): Promise<StreamStore> {
  const store = harness.store(group);
  await store.ensureGroup();
  await store.register(consumer, harness.leaseMs);
  return store;
}

/** Appends events `e1`, `e2` …. @returns Their entry ids. */
export async function publish(store: StreamStore, count: number): Promise<readonly string[]> {
  const items = Array.from({ length: count }, (_, index) => item(`e${index + 1}`));
  return (await store.append(items)).map(({ entryId }) => entryId ?? "");
}

/** Reads without waiting. */
export function readNow(store: StreamStore, consumer: string, count = 100): Promise<readonly Delivery[]> {
  return store.read(consumer, count, 0, new AbortController().signal);
}

/** What a delivery says, whatever a store keeps it in. */
export function plain({ ref, entryId, fields, history }: Delivery): Omit<Delivery, "packed"> {
  return { ref, entryId, fields: fields.map((field) => Uint8Array.from(field)), history };
}

/** Publishes and reads `count` events. */
export async function hold(store: StreamStore, consumer: string, count: number): Promise<readonly Delivery[]> {
  await publish(store, count);
  const deliveries = await readNow(store, consumer, count);
  assert.equal(deliveries.length, count, "a consumer reads what was published");
  return deliveries;
}

/** Publishes and reads one event. */
export async function holdOne(store: StreamStore, consumer: string): Promise<Delivery> {
  return only(await hold(store, consumer, 1));
}

/** The one element of a list. */
export function only<T>(list: readonly T[]): T {
  assert.equal(list.length, 1, `wanted one, found ${Deno.inspect(list)}`);
  return list[0] as T;
}

/** The element at an index. */
export function at<T>(list: readonly T[], index: number): T {
  assert.ok(index < list.length, `wanted more than ${index}, found ${list.length}`);
  return list[index] as T;
}

/** Settles one entry. */
export async function settle(
  store: StreamStore,
  consumer: string,
  settlement: Settlement,
  dedupWindowMs?: number,
): Promise<SettleOutcome> {
  return only(await store.settle(consumer, [settlement], dedupWindowMs));
}

/** Acknowledges. */
export function done(ref: string, more: Omit<Extract<Settlement, { kind: "done" }>, "kind" | "ref"> = {}): Settlement {
  return { kind: "done", ref, ...more };
}

/** Parks after one failure. */
export function park(ref: string, delayMs = 0, orderKey?: string): Settlement {
  const past = { ...history({ failures: 1, firstMs: 1, lastMs: 2, error: "boom" }) };
  return orderKey === undefined
    ? { kind: "park", ref, delayMs, history: past }
    : { kind: "park", ref, delayMs, history: past, orderKey };
}

/** Gives up on. */
export function dead(delivery: Delivery, letter: Partial<LetterInfo> = {}): Settlement {
  const { ref, entryId, fields } = delivery;
  const info: LetterInfo = {
    reason: "non_retryable",
    error: "no",
    deliveries: 1,
    firstMs: 0,
    lastMs: 0,
    replays: 0,
    ...letter,
  };
  return { kind: "dead", ref, entryId, fields, letter: info };
}

/** A history with some of it set. */
export function history(some: Partial<History>): History {
  return { ...FRESH, ...some };
}

/** Adopts and claims whatever is due and belongs to nobody. */
export async function adoptDue(store: StreamStore, consumer: string): Promise<readonly Delivery[]> {
  await store.adopt(consumer, 100);
  return (await store.claimDue(consumer, 100)).deliveries;
}

/** Waits until what is parked for a consumer is due, and claims it. */
export async function claimLater(harness: Harness, store: StreamStore, consumer: string): Promise<readonly Delivery[]> {
  return await waitFor(async () => {
    const { deliveries } = await store.claimDue(consumer, 100);
    if (deliveries.length === 0) await harness.elapse(20);
    return deliveries.length > 0 ? deliveries : null;
  }, { what: "a parked entry to be due" });
}

/** Takes all that a consumer holds whose lease has run out. */
export async function seize(store: StreamStore, by: string, from: string): Promise<readonly Delivery[]> {
  const { state, deliveries, remaining } = await store.takeOver(by, from, LONG_MS, 100);
  assert.ok(state === "taken" || state === "retired", `a takeover succeeds once the lease has run out, got ${state}`);
  assert.equal(remaining, 0, "nothing remains");
  return deliveries;
}

/** Field values as text; of a repeated name the last. */
export function texts(fields: readonly Uint8Array[]): Record<string, string> {
  const words = fields.map((bytes) => decoder.decode(bytes));
  return Object.fromEntries(words.flatMap((name, index) => index % 2 === 0 ? [[name, words[index + 1] ?? ""]] : []));
}

/** Event ids of deliveries or entries. */
export function idsOf(list: readonly { readonly fields: readonly Uint8Array[] }[]): readonly string[] {
  return list.map(({ fields }) => texts(fields)["id"] ?? "");
}

/** Refs of deliveries. */
export function refsOf(list: readonly { readonly ref: string }[]): readonly string[] {
  return list.map(({ ref }) => ref);
}

/** Entries of a group's dead-letter stream. */
export function lettersOf(harness: Harness, group = "g"): ReturnType<Harness["entries"]> {
  return harness.entries(`{${harness.stream}}:${group}:dlq`);
}

/** Everything that a consumer can get hold of now: a replay may come by a read or as an entry that belongs to nobody. */
export async function fetchAll(store: StreamStore, consumer: string): Promise<readonly Delivery[]> {
  return [...await readNow(store, consumer), ...await adoptDue(store, consumer)];
}

/** Fields that are easy to get wrong: not UTF-8, repeated, empty, and named like ours. */
export const AWKWARD: readonly (string | Uint8Array)[] = [
  ["type", "t"],
  ["bin", new Uint8Array([0, 255, 254, 13, 10, 128])],
  [new Uint8Array([0xc3, 0x28]), "not UTF-8"],
  ["dup", "1"],
  ["dup", "2"],
  ["", ""],
  ["dlq.reason", "an original field of that name"],
  ["dlq.entry", "0-1"],
].flat();
