/**
 * Malformed stream entries, as anybody with access to Redis can add them, and a fast way to add them.
 * @module
 */
import { RespReader } from "../../src/store/redis/embedded/resp_reader.ts";
import type { Dice } from "../simulation/dice.ts";
import { damaged, deepJson, HOSTILE, noise } from "./support_fuzz.ts";

/** Name, value, name, value … */
export type RawFields = readonly Uint8Array<ArrayBuffer>[];

const encoder = new TextEncoder();
const KNOWN = [
  "id",
  "type",
  "source",
  "time",
  "subject",
  "datacontenttype",
  "data",
  "event",
  "payload",
  "aggregateId",
  "timestamp",
];
const STRANGE = [
  "traceparent",
  "correlationid",
  "ce-type",
  "ce_id",
  "specversion",
  "data_base64",
  "dlq.entry",
  "dlq.reason",
  "dlq.replays",
  "dlq.first",
  "ID",
  "Type",
];
const HANDLED = ["fuzz.take.a", "fuzz.take.b", "fuzz.strict", "fuzz.fail"];
const CONTENT_TYPES = [
  "application/json",
  "text/plain",
  "application/octet-stream",
  "application/x+json; charset=utf-16",
  "json",
  ";",
  "image/png",
];
const JSONS = [
  '{"n":1}',
  '{"n":1,"__proto__":{"n":2}}',
  '{"constructor":{"prototype":{"n":1}}}',
  "null",
  "[]",
  '"x"',
  "1e400",
  '{"n":"1"}',
  "{",
  "\ufeff{}",
  "",
  "undefined",
  '{"n":9007199254740993}',
];
const TIMES = [
  "2025-06-28T23:40:13Z",
  "0",
  "1751154013653",
  "-1",
  "9".repeat(15),
  "9".repeat(400),
  "-999999999999999",
  "0x10",
  "1e12",
  "2025-02-30T25:61:61Z",
  "+275760-09-13T00:00:00Z",
  "0000-00-00T00:00:00Z",
  "\u0000",
];

/** The n-th malformed entry: at least one field. `n` keeps types apart. */
export function entryOf(dice: Dice, n: number): RawFields {
  const fields: Uint8Array<ArrayBuffer>[] = [];
  const add = (name: Uint8Array<ArrayBuffer> | string, value: Uint8Array<ArrayBuffer> | string): void => {
    fields.push(bytesOf(name), bytesOf(value));
  };
  if (dice.chance(0.9)) add(dice.chance(0.85) ? "type" : "event", typeOf(dice, n));
  if (dice.chance(0.7)) add(dice.chance(0.8) ? "data" : "payload", dataOf(dice));
  if (dice.chance(0.3)) add("datacontenttype", dice.chance(0.8) ? dice.pick(CONTENT_TYPES) : textOf(dice));
  if (dice.chance(0.4)) add(dice.pick(["time", "timestamp"]), dice.pick([...TIMES, ...HOSTILE]));
  if (dice.chance(0.4)) add(dice.pick(["subject", "aggregateId"]), textOf(dice));
  for (let more = dice.int(0, 4); more > 0; more--) add(nameOf(dice), textOf(dice));
  // Few: a field of 1 MB, hundreds of fields, a field without a name.
  if (n % 1_700 === 7) add(dice.pick(["data", "subject", "type", "blob"]), noise(dice, 1_048_576));
  if (n % 900 === 11) { for (let at = 0; at < 600; at++) add(`f${at}`, ""); }
  if (fields.length === 0) add("", "");
  if (dice.chance(0.2)) swap(dice, fields);
  return fields;
}

/** The type or, where none can be read, null: written once more, so that the service's own reading is not its judge. */
export function typeIn(fields: RawFields): string | null {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const first = (wanted: string): Uint8Array | undefined => {
    for (let at = 0; at < fields.length; at += 2) {
      if (new TextDecoder("utf-8", { ignoreBOM: true }).decode(fields[at]!) === wanted) return fields[at + 1]!;
    }
    return undefined;
  };
  const bytes = first("type") ?? first("event");
  if (bytes === undefined || bytes.length === 0) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Whether a handler of `fuzz_handlers.ts` takes this type. */
export function hasHandler(type: string): boolean {
  return type === "fuzz.fail" || type === "fuzz.strict" || type.startsWith("fuzz.take.");
}

function typeOf(dice: Dice, n: number): Uint8Array<ArrayBuffer> | string {
  const kind = dice.next();
  if (kind < 0.5) return dice.pick(HANDLED);
  if (kind < 0.65) return `fuzz.type.${n}`;
  return textOf(dice);
}

function dataOf(dice: Dice): Uint8Array<ArrayBuffer> | string {
  const kind = dice.next();
  if (kind < 0.6) return dice.pick(JSONS);
  if (kind < 0.61) return deepJson(dice);
  if (kind < 0.8) return damaged(dice, encoder.encode(dice.pick(JSONS)));
  return textOf(dice);
}

function nameOf(dice: Dice): Uint8Array<ArrayBuffer> | string {
  const kind = dice.next();
  if (kind < 0.3) return dice.pick(KNOWN);
  if (kind < 0.6) return dice.pick(STRANGE);
  return textOf(dice);
}

function textOf(dice: Dice): Uint8Array<ArrayBuffer> | string {
  const kind = dice.next();
  if (kind < 0.6) return dice.pick(HOSTILE);
  if (kind < 0.8) return noise(dice, dice.int(0, 60));
  return damaged(dice, encoder.encode(dice.pick([...HOSTILE, ...KNOWN, ...HANDLED])));
}

/** Two fields change places: the first of a repeated name wins. */
function swap(dice: Dice, fields: Uint8Array<ArrayBuffer>[]): void {
  const [a, b] = [dice.int(0, fields.length / 2 - 1) * 2, dice.int(0, fields.length / 2 - 1) * 2];
  const first = fields.slice(a, a + 2);
  fields.splice(a, 2, ...fields.slice(b, b + 2));
  fields.splice(b, 2, ...first);
}

function bytesOf(value: Uint8Array<ArrayBuffer> | string): Uint8Array<ArrayBuffer> {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** Adds entries over a connection of its own, many on the way at once. */
export class Adder implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #replies: RespReader;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#replies = new RespReader(connection);
  }

  /** Connects. */
  static async connect(port: number): Promise<Adder> {
    return new Adder(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** `XADD stream * …` for each. @returns The ids. @throws {Error} When Redis refuses one. */
  async add(stream: string, entries: readonly RawFields[], id = "*"): Promise<string[]> {
    const sending = this.#send(entries.map((fields) => command(["XADD", stream, id], fields)));
    const ids: string[] = [];
    for (const _ of entries) {
      const reply = await this.#replies.reply(false);
      if (typeof reply !== "string") throw new Error(`XADD: ${Deno.inspect(reply)}`);
      ids.push(reply);
    }
    await sending;
    return ids;
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #send(commands: readonly Uint8Array[][]): Promise<void> {
    const parts = commands.flat();
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let end = 0;
    for (const part of parts) {
      whole.set(part, end);
      end += part.length;
    }
    for (let at = 0; at < whole.length;) at += await this.#connection.write(whole.subarray(at));
  }
}

function command(words: readonly string[], fields: RawFields): Uint8Array[] {
  const all = [...words.map((word) => encoder.encode(word)), ...fields];
  const end = encoder.encode("\r\n");
  return [
    encoder.encode(`*${all.length}\r\n`),
    ...all.flatMap((arg) => [encoder.encode(`$${arg.length}\r\n`), arg, end]),
  ];
}
