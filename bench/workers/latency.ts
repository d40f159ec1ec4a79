/**
 * From publishing to the handler: `BENCH_WAY` `pace` (publishes `BENCH_RATE` events a second), `service` and `bare` (say
 * how old each was when its handler, or the loop, had it).
 * @module
 */
import { createService, defineHandler } from "redis-stream-service";
import { RespLink } from "../../src/store/redis/resp/link.ts";
import { tell } from "../lib/child.ts";
import { command, writeAll } from "../lib/fill.ts";
import { quantile } from "../lib/stats.ts";

const env = Deno.env.toObject();
const port = Number(new URL(env["REDIS_URL"]!).port);
const stream = env["STREAM"]!;
const group = env["CONSUMER_GROUP"] ?? "";
const events = Number(env["BENCH_EVENTS"]);
const rate = Number(env["BENCH_RATE"] ?? 2_000);
const ages: number[] = [];
/** Wall clock with a fraction: comparable between processes of one machine. */
const now = (): number => performance.timeOrigin + performance.now();

function note(sentAt: number): void {
  ages.push(now() - sentAt);
  if (ages.length !== events) return;
  // The first second is that of the compiler.
  const counted = ages.slice(Math.min(rate, events >> 1));
  tell({ p50: quantile(counted, 0.5), p99: quantile(counted, 0.99) });
}

async function pace(): Promise<void> {
  using connection = await Deno.connect({ port });
  connection.setNoDelay(true);
  const answers = (async () => {
    const buffer = new Uint8Array(65_536);
    while (await connection.read(buffer).catch(() => null) !== null);
  })();
  const startedAt = now();
  for (let sent = 0; sent < events;) {
    const due = Math.min(events, Math.floor((now() - startedAt) * rate / 1_000));
    let text = "";
    for (; sent < due; sent++) {
      const data = JSON.stringify({ sentAt: now() });
      text += command(["XADD", stream, "*", "id", String(sent), "type", "tick", "source", "pace", "data", data]);
    }
    if (text !== "") await writeAll(connection, new TextEncoder().encode(text));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  connection.closeWrite();
  await answers;
}

async function service(): Promise<void> {
  const tick = defineHandler({
    type: "tick",
    handle: (event) => note((event.data as { sentAt: number }).sentAt),
  });
  await (await createService({ env, handlers: [tick] })).ready;
  tell({ ready: true });
}

async function bare(): Promise<void> {
  const connection = await Deno.connect({ port });
  connection.setNoDelay(true);
  const link = new RespLink({ connection, tls: false, secrets: [] });
  const read = ["XREADGROUP", "GROUP", group, "c", "COUNT", "500", "BLOCK", "1000", "STREAMS", stream, ">"];
  tell({ ready: true });
  while (ages.length < events) {
    const reply = await link.send(read, false) as [[string, [string, string[]][]]] | null;
    const entries = reply?.[0][1] ?? [];
    for (const [, fields] of entries) note(JSON.parse(fields.at(-1)!).sentAt);
    if (entries.length > 0) void link.send(["XACK", stream, group, ...entries.map(([id]) => id)], false);
  }
}

if (env["BENCH_WAY"] === "pace") await pace();
else if (env["BENCH_WAY"] === "service") await service();
else await bare();
