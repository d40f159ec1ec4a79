/**
 * The service as the bench runs it: everything on, a handler that does nothing, and marks at the first event and when
 * all is settled. A process of its own, so that its processor time is its own.
 *
 * Settings come from the environment: those of the service, and `BENCH_EVENTS` (how many make a round), `BENCH_FAIL`
 * (every n-th event fails once), `BENCH_READ` (the handler reads the data), `BENCH_WAIT` (ms for which it waits), `BENCH_SHARE` (others consume too:
 * tell what was done when the group has finished).
 * @module
 */
import process from "node:process";
import { createService, defineHandler, type HandlerContext } from "redis-stream-service";
import type { Event } from "../../src/events/event.ts";
import { systemClock } from "../../src/clock.ts";
import { RawClient } from "../../src/store/redis/embedded/raw_client.ts";
import { tell } from "../lib/child.ts";

const env = Deno.env.toObject();
const events = Number(env["BENCH_EVENTS"] ?? 0);
const failEvery = Number(env["BENCH_FAIL"] ?? 0);
const waitMs = Number(env["BENCH_WAIT"] ?? 0);
const reads = env["BENCH_READ"] !== undefined;
let handled = 0;
let startedAt = 0;
let cpuAtStart = process.cpuUsage();

const fails = (event: Event, ctx: HandlerContext): boolean =>
  ctx.attempt === 1 && Number(event.id.slice(-12)) % failEvery === 0;

const order = defineHandler({
  type: "order.created",
  async handle(event, ctx) {
    if (startedAt === 0) begin();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (reads) read(event.data);
    if (failEvery > 0 && fails(event, ctx)) throw new Error("failed on purpose");
    if (++handled === events) finish();
  },
});

function read(data: unknown): void {
  if ((data as { orderId?: number }).orderId === undefined) throw new Error("there is no order in the data");
}

function begin(): void {
  startedAt = performance.now();
  cpuAtStart = process.cpuUsage();
  tell({ began: true });
}

function finish(): void {
  settled().then(report);
}

function report(): void {
  const cpu = process.cpuUsage(cpuAtStart);
  tell({
    events: handled,
    seconds: (performance.now() - startedAt) / 1_000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    rss: process.memoryUsage().rss,
  });
}

/** Nothing pending and nothing undelivered. */
async function settled(): Promise<void> {
  using redis = await RawClient.connect({ port: Number(new URL(env["REDIS_URL"] ?? "").port) }, systemClock);
  const stream = env["STREAM"] ?? "";
  for (;;) {
    const [pending] = await redis.command(["XPENDING", stream, env["CONSUMER_GROUP"] ?? ""]) as readonly number[];
    if (pending === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

if (env["BENCH_SHARE"] !== undefined) Deno.addSignalListener("SIGUSR2", report);
if (env["BENCH_MEMORY"] !== undefined) {
  setInterval(() => tell({ memory: process.memoryUsage().rss, handled }), Number(env["BENCH_MEMORY"]));
}
// An orderly end, so that a profile is written where one is taken.
Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
const service = await createService({ env, handlers: [order] });
await service.ready;
tell({ ready: service.url });
