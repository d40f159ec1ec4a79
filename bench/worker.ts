/**
 * The service as the bench runs it: everything on, a handler that does nothing, and marks at the first event and when
 * all is settled. A process of its own, so that its processor time is its own.
 *
 * Settings come from the environment: those of the service, and `BENCH_EVENTS` (how many make a round), `BENCH_FAIL`
 * (every n-th event fails once).
 * @module
 */
import process from "node:process";
import { createService, defineHandler } from "redis-stream-service";
import { systemClock } from "../src/clock.ts";
import { RawClient } from "../src/store/redis/embedded/raw_client.ts";

const env = Deno.env.toObject();
const events = Number(env["BENCH_EVENTS"] ?? 0);
const failEvery = Number(env["BENCH_FAIL"] ?? 0);
let handled = 0;
let startedAt = 0;
let cpuAtStart = process.cpuUsage();

const order = defineHandler({
  type: "order.created",
  async handle(_event, ctx) {
    if (startedAt === 0) begin();
    if (failEvery > 0 && ctx.attempt === 1 && Number(_event.id.slice(-12)) % failEvery === 0) {
      throw new Error("failed on purpose");
    }
    if (++handled === events) await finish();
  },
});

function begin(): void {
  startedAt = performance.now();
  cpuAtStart = process.cpuUsage();
}

function finish(): void {
  void settled().then(() => {
    const seconds = (performance.now() - startedAt) / 1_000;
    const cpu = process.cpuUsage(cpuAtStart);
    tell({ events, seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6, rss: process.memoryUsage().rss });
    Deno.exit(0);
  });
}

async function settled(): Promise<void> {
  const port = Number(new URL(env["REDIS_URL"] ?? "").port);
  using redis = await RawClient.connect({ port }, systemClock);
  const group = env["CONSUMER_GROUP"] ?? "";
  for (;;) {
    const [pending] = await redis.command(["XPENDING", env["STREAM"] ?? "", group]) as readonly number[];
    if (pending === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function tell(value: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`\nBENCH ${JSON.stringify(value)}\n`));
}

const service = await createService({ env, handlers: [order] });
await service.ready;
tell({ ready: service.url });
