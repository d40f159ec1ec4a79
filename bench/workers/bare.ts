/**
 * Bare loops: read, look at each entry, acknowledge; no lanes, no lease, no retries. What clients can do at most.
 *
 * `BENCH_CLIENT`: `resp` (our own link), or `node-redis` with `BENCH_OPTIONS` `plain` (its stream transform), `arrays`
 * (raw replies), `buffers` (type mapping to bytes), `resp3`, `timeout` (its default command timeout).
 * `BENCH_DEPTH`: reads under way. `BENCH_JSON`: parse each body.
 * @module
 */
import process from "node:process";
import { createClient, RESP_TYPES } from "@redis/client";
import { systemClock } from "../../src/clock.ts";
import type { PackedFields } from "../../src/events/packed.ts";
import { untilAborted } from "../../src/store/redis/connection/deadline.ts";
import { RespLink } from "../../src/store/redis/resp/link.ts";
import { tell } from "../lib/child.ts";

const env = Deno.env.toObject();
const stream = env["STREAM"]!;
const group = env["CONSUMER_GROUP"]!;
const events = Number(env["BENCH_EVENTS"]);
const depth = Number(env["BENCH_DEPTH"] ?? 1);
const port = Number(new URL(env["REDIS_URL"]!).port);
const parses = env["BENCH_JSON"] !== undefined;
const batch = env["BENCH_BATCH"] ?? "500";
const decoder = new TextDecoder();
let seen = 0;

/** One read: the ids that came. Looks at every value. */
type Read = () => Promise<readonly string[]>;
interface Client {
  readonly read: Read;
  readonly ack: (ids: readonly string[]) => Promise<unknown>;
  readonly close: () => void;
}

const READ = ["XREADGROUP", "GROUP", group, "c", "COUNT", batch, "STREAMS", stream, ">"];

async function respClient(): Promise<Client> {
  const dialled = async (): Promise<RespLink> => {
    const connection = await untilAborted(Deno.connect({ port }), AbortSignal.timeout(5_000));
    connection.setNoDelay(true);
    return new RespLink({ connection, tls: false, secrets: [] });
  };
  const [reading, acking] = await Promise.all([dialled(), dialled()]);
  const read: Read = async () => {
    const reply = await reading.send(READ, true, { packAt: 4 }) as [[string, [string, PackedFields][]]] | null;
    const entries = reply?.[0][1] ?? [];
    for (const [, { bytes, table, last, byteLength }] of entries) {
      seen += byteLength;
      if (!parses) continue;
      const data = bytes.subarray(table[last - 2]!, table[last - 1]!);
      seen += Object.keys(JSON.parse(decoder.decode(data))).length;
    }
    return entries.map(([id]) => id);
  };
  const ack = (ids: readonly string[]) => acking.send(["XACK", stream, group, ...ids], false);
  return { read, ack, close: () => [reading, acking].forEach((link) => link.destroy()) };
}

async function nodeRedis(option: string): Promise<Client> {
  // The types know no command without a timeout.
  const options = {
    RESP: option === "resp3" ? 3 : 2,
    socket: { host: "127.0.0.1", port },
    maintNotifications: "disabled",
    disableClientInfo: true,
    ...(option === "timeout" ? {} : { commandOptions: { timeout: undefined } }),
  };
  const make = () => createClient(options as unknown as NonNullable<Parameters<typeof createClient>[0]>);
  const [reading, acking] = [make(), make()];
  await Promise.all([reading.connect(), acking.connect()]);
  const look = (value: string | Uint8Array): void => {
    seen += value.length;
  };
  const raw: Read = async () => {
    const mapping = option === "buffers" ? { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } : undefined;
    const reply = await reading.sendCommand(READ, mapping as never) as unknown;
    // RESP3 answers with a map, which comes as an object; RESP2 with pairs.
    const entries =
      (option === "resp3"
        ? Object.values(reply as Record<string, unknown> ?? {})[0] ?? []
        : (reply as [[string, unknown]] | null)?.[0][1] ?? []) as [string | Uint8Array, (string | Uint8Array)[]][];
    for (const [, fields] of entries) {
      fields.forEach(look);
      if (parses) seen += Object.keys(JSON.parse(String(fields.at(-1)))).length;
    }
    return entries.map(([id]) => String(id));
  };
  const transformed: Read = async () => {
    const reply = await reading.xReadGroup(group, "c", { key: stream, id: ">" }, { COUNT: Number(batch) }) as
      | [{ messages: { id: string; message: Record<string, string> }[] }]
      | null;
    const entries = reply?.[0].messages ?? [];
    for (const { message } of entries) {
      for (const name in message) look(message[name]!);
      if (parses) seen += Object.keys(JSON.parse(message["data"]!)).length;
    }
    return entries.map(({ id }) => id);
  };
  const ack = (ids: readonly string[]) => acking.sendCommand(["XACK", stream, group, ...ids]);
  const close = (): void => [reading, acking].forEach((client) => client.destroy());
  return { read: option === "plain" || option === "timeout" ? transformed : raw, ack, close };
}

const client = env["BENCH_CLIENT"] === "resp" ? await respClient() : await nodeRedis(env["BENCH_OPTIONS"] ?? "plain");
const startedAt = systemClock.monotonic();
const cpuAtStart = process.cpuUsage();
let got = 0;
const acks: Promise<unknown>[] = [];
await Promise.all(Array.from({ length: depth }, async () => {
  while (got < events) {
    const ids = await client.read();
    got += ids.length;
    if (ids.length === 0) return;
    acks.push(client.ack(ids));
    if (acks.length > 4) await acks.shift();
  }
}));
await Promise.all(acks);
const cpu = process.cpuUsage(cpuAtStart);
tell({
  events: got,
  seconds: (systemClock.monotonic() - startedAt) / 1_000,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  seen,
});
client.close();
