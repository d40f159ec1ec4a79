/**
 * What Redis holds at the end: first whether anything is left to do, then everything, for the checker.
 * @module
 */
import { waitFor } from "../../../testing/wait.ts";
import type { EffectEntry, StoredEvent } from "./check.ts";
import { sha256 } from "./plan.ts";
import { NAMES } from "./replica.ts";
import type { World } from "./world.ts";

const PREFIX = `{${NAMES.stream}}:${NAMES.group}:`;

/** Values that a dead letter carries behind the original fields. */
const LETTER_VALUES = 20;
/** Small pages: the test client copies what is left of a reply for each value that it reads. */
const PAGE = 50;

/** What is left to do; all 0 when the group is at rest. */
export interface Unfinished {
  readonly undelivered: number;
  readonly pending: number;
  /** Members of the sets of parked and of free entries. */
  readonly parked: number;
  /** Failure records of entries that were settled. */
  readonly records: number;
}

/** Counts what is left to do. */
export async function unfinished(world: World): Promise<Unfinished> {
  const groups = await world.command(["XINFO", "GROUPS", NAMES.stream]) as (string | number)[][];
  const group = groups.find((fields) => fields[1] === NAMES.group) ?? [];
  const delivered = String(group[group.indexOf("last-delivered-id") + 1]);
  const next = await world.command(["XRANGE", NAMES.stream, `(${delivered}`, "+", "COUNT", 1_000]) as unknown[];
  const [pending] = await world.command(["XPENDING", NAMES.stream, NAMES.group]) as [number];
  let parked = Number(await world.command(["ZCARD", `${PREFIX}orphans`]));
  for (const key of await world.command(["KEYS", `${PREFIX}parked:*`]) as string[]) {
    parked += Number(await world.command(["ZCARD", key]));
  }
  const records = Number(await world.command(["HLEN", `${PREFIX}records`]));
  return { undelivered: next.length, pending, parked, records };
}

/** Waits until nothing is left to do. @returns What is left: all 0, unless the time was over. */
export async function rest(world: World, timeoutMs: number): Promise<Unfinished> {
  const atRest = async (): Promise<Unfinished | null> => {
    const left = await unfinished(world);
    return Object.values(left).every((count) => count === 0) ? left : null;
  };
  try {
    return await waitFor(atRest, { timeoutMs, everyMs: 100, what: "the group to be at rest" });
  } catch {
    return await unfinished(world);
  }
}

/** Names of consumers that are still there. */
export async function consumersLeft(world: World): Promise<string[]> {
  const rows = await world.command(["XINFO", "CONSUMERS", NAMES.stream, NAMES.group]) as string[][];
  return rows.map(([, name = ""]) => name).filter((name) => !name.startsWith("@"));
}

/** Waits until no consumer is left of a process that has ended. @returns Those that are, when the time is over. */
export async function buried(world: World, timeoutMs: number): Promise<string[]> {
  const dead = async (): Promise<string[]> =>
    (await consumersLeft(world)).filter((name) =>
      !world.replicas.some((replica) => name.startsWith(`${replica.name}-`))
    );
  try {
    await waitFor(async () => (await dead()).length === 0, {
      timeoutMs,
      everyMs: 100,
      what: "the dead to be taken over",
    });
    return [];
  } catch {
    return await dead();
  }
}

/** Everything in the stream, sorted into events and effects, and the dead letters. */
export interface Remains {
  readonly entries: readonly StoredEvent[];
  readonly effects: readonly EffectEntry[];
  readonly letters: readonly StoredEvent[];
}

/** Reads it. */
export async function remainsOf(world: World): Promise<Remains> {
  const entries: StoredEvent[] = [];
  const effects: EffectEntry[] = [];
  for await (const [, fields] of entriesOf(world, NAMES.stream)) {
    if (valueOf(fields, "type").startsWith("effect.")) effects.push(effectOf(fields));
    else entries.push({ id: valueOf(fields, "id"), sha: sha256(bytesOf(fields, "data")) });
  }
  const letters: StoredEvent[] = [];
  for await (const [, fields] of entriesOf(world, `${PREFIX}dlq`)) letters.push(await letterOf(world, fields));
  return { entries, effects, letters };
}

type Entry = readonly [id: string, fields: readonly Uint8Array[]];

async function* entriesOf(world: World, key: string): AsyncGenerator<Entry> {
  for (let start = "-";;) {
    const args = ["XRANGE", key, start, "+", "COUNT", PAGE];
    const page = await world.command(args, { bytes: true, timeoutMs: 30_000 }) as [Uint8Array, Uint8Array[]][];
    for (const [id, fields] of page) yield [text(id), fields];
    if (page.length < PAGE) return;
    start = `(${text(page.at(-1)![0])}`;
  }
}

function effectOf(fields: readonly Uint8Array[]): EffectEntry {
  const body = bytesOf(fields, "data");
  const data = JSON.parse(text(body)) as { of: string; number: number; sha: string };
  return { ...data, id: valueOf(fields, "id"), type: valueOf(fields, "type"), bodySha: sha256(body) };
}

/** A letter's digest is that of its data, if all original fields are there byte for byte, and a complaint otherwise. */
async function letterOf(world: World, fields: readonly Uint8Array[]): Promise<StoredEvent> {
  const original = fields.slice(0, -LETTER_VALUES);
  const entryId = valueOf(fields, "dlq.entry");
  const args = ["XRANGE", NAMES.stream, entryId, entryId];
  const rows = await world.command(args, { bytes: true }) as [Uint8Array, Uint8Array[]][];
  const same = digestOf(rows[0]?.[1] ?? []) === digestOf(original);
  return { id: valueOf(fields, "id"), sha: same ? sha256(bytesOf(fields, "data")) : "other fields than the entry's" };
}

function digestOf(fields: readonly Uint8Array[]): string {
  return fields.map(sha256).join();
}

function bytesOf(fields: readonly Uint8Array[], name: string): Uint8Array {
  for (let at = 0; at < fields.length; at += 2) {
    if (text(fields[at]!) === name) return fields[at + 1]!;
  }
  return new Uint8Array(0);
}

function valueOf(fields: readonly Uint8Array[], name: string): string {
  return text(bytesOf(fields, name));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
