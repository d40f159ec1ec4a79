/**
 * Other systems on Redis, handling the same events with a handler that does nothing, for comparison. Plain JavaScript
 * for Node, which they are made for.
 *
 * `BENCH_SYSTEM`, `REDIS_PORT`, `STREAM`, `CONSUMER_GROUP`, `BENCH_EVENTS`: how many, from the first that is handled until
 * nothing is pending. `BENCH_DATA`: the data of a job.
 */
import process from "node:process";
// The checker of the project does not know it.
const { Redis } = await import("ioredis");

const { env } = process;
const port = Number(env.REDIS_PORT);
const stream = env.STREAM;
const group = env.CONSUMER_GROUP;
const events = Number(env.BENCH_EVENTS);
/** Of those tried (100 to 2,000) the fastest; so are the numbers below. */
const BATCH = 1_000;
let handled = 0;
let startedAt = 0;
let cpuAtStart;

const tell = (value) => process.stdout.write(`\nBENCH ${JSON.stringify(value)}\n`);

function handle() {
  if (handled === 0) {
    startedAt = performance.now();
    cpuAtStart = process.cpuUsage();
  }
  handled++;
  return Promise.resolve();
}

function report() {
  const { user, system } = process.cpuUsage(cpuAtStart);
  tell({ events: handled, seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (user + system) / 1e6 });
}

/** Until nothing is pending of what was handled. */
async function settled() {
  const redis = new Redis({ port });
  while (handled < events || (await redis.xpending(stream, group))[0] > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Subscribers in one process, each with 100 at a time. */
async function moleculer(subscribers) {
  const { ServiceBroker } = (await import("moleculer")).default;
  const { Middleware } = (await import("@moleculer/channels")).default;
  const redis = { port, consumerOptions: { startID: "0" } };
  const channels = Middleware({ adapter: { type: "Redis", options: { redis, maxInFlight: 100 } } });
  const broker = new ServiceBroker({ logger: false, middlewares: [channels] });
  for (let n = 0; n < subscribers; n++) {
    broker.createService({ name: `consumer-${n}`, channels: { [stream]: { group, handler: handle } } });
  }
  await broker.start();
  await settled();
}

const systems = {
  /** Acknowledged one by one, which ioredis sends together. */
  async "redis-streams-broker"() {
    const { StreamChannelBroker } = (await import("redis-streams-broker")).default;
    const broker = new StreamChannelBroker(new Redis({ port, enableAutoPipelining: true }), stream);
    const consumers = await broker.joinConsumerGroup(group, "0");
    await consumers.subscribe(
      "one",
      async (payloads) => {
        await Promise.all(payloads.map(async (payload) => {
          await handle(payload);
          await payload.markAsRead();
        }));
        // After the last it would wait for more for ever.
        return handled >= events ? 0 : BATCH;
      },
      1_000,
      BATCH,
    );
    await settled();
  },

  /** Of those tried the fastest: 16 subscribers in one process. */
  "Moleculer channels": () => moleculer(16),

  /** As in its own throughput test. */
  "Moleculer channels, 1 subscriber": () => moleculer(1),

  /** A queue of jobs, which is filled first; 100 at a time. */
  async BullMQ() {
    const { Queue, Worker } = await import("bullmq");
    const connection = { host: "127.0.0.1", port };
    const queue = new Queue(stream, { connection });
    const data = JSON.parse(env.BENCH_DATA);
    for (let from = 0; from < events; from += 1_000) {
      await queue.addBulk(Array.from({ length: 1_000 }, () => ({
        name: "order.created",
        data,
        opts: { removeOnComplete: true },
      })));
    }
    let completed = 0;
    const worker = new Worker(stream, handle, { connection, concurrency: 100 });
    await new Promise((resolve) => worker.on("completed", () => ++completed === events && resolve()));
  },
};

await systems[env.BENCH_SYSTEM]();
report();
process.exit(0);
