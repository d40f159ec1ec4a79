/**
 * A prefilled stream, read and acknowledged: by the C client, by bare loops, by the service with everything on.
 * @module
 */
import {
  type Bench,
  benchRedis,
  consumeByC,
  consumeByService,
  consumed,
  dropGroup,
  type Scenario,
} from "../lib/bench.ts";
import { Child } from "../lib/child.ts";
import { fill } from "../lib/fill.ts";
import { interleave, middleCpu, ratio, type Result, seriesOf } from "../lib/series.ts";
import type { TestRedis } from "../../testing/redis_server.ts";

const STREAM = "orders";

/** See the module's text. */
export const consume: Scenario = { name: "consume", run };

async function run(bench: Bench): Promise<Result> {
  const events = bench.quick ? 200_000 : 1_000_000;
  await using redis = await benchRedis();
  await fill(redis.port, STREAM, events);
  const series = await interleave(bench.rounds, [
    { name: "C client", unit: "events/s", run: (round) => consumeByC(bench, redis, STREAM, `c${round}`, events) },
    {
      name: "bare loop, own reader",
      unit: "events/s",
      run: (round) => bare(redis, `r${round}`, events, { BENCH_CLIENT: "resp" }),
    },
    {
      name: "bare loop, node-redis",
      unit: "events/s",
      run: (round) => bare(redis, `n${round}`, events, { BENCH_CLIENT: "node-redis" }),
    },
    { name: "service", unit: "events/s", run: (round) => consumeByService(redis, STREAM, `s${round}`, events) },
    {
      name: "service, data read",
      unit: "events/s",
      run: (round) => consumeByService(redis, STREAM, `d${round}`, events, { BENCH_READ: "1" }),
    },
  ]);
  const service = seriesOf(series, "service");
  const client = seriesOf(series, "C client");
  return {
    scenario: "consume",
    title: `${events.toLocaleString("en-US")} events of some 250 bytes of JSON, batches of 500`,
    series,
    targets: [
      { what: "service / C client", found: ratio(service, client), wanted: ">= 0.6" },
      { what: "service, CPU s per 100,000", found: middleCpu(service), wanted: "<= 0.8" },
      {
        what: "service whose handler reads the data / C client",
        found: ratio(seriesOf(series, "service, data read"), client),
        wanted: "",
      },
      {
        what: "service / bare loop on node-redis",
        found: ratio(service, seriesOf(series, "bare loop, node-redis")),
        wanted: "",
      },
    ],
    notes: [],
  };
}

/** A bare loop in a process of its own. */
export async function bare(
  redis: TestRedis,
  group: string,
  events: number,
  env: Readonly<Record<string, string>>,
  stream = STREAM,
): Promise<{ value: number; cpu: number }> {
  await redis.command(["XGROUP", "CREATE", stream, group, "0"]);
  await using child = new Child("bare", {
    REDIS_URL: redis.url,
    STREAM: stream,
    CONSUMER_GROUP: group,
    BENCH_EVENTS: String(events),
    ...env,
  });
  const { value, cpu } = consumed(await child.until("seconds"));
  await dropGroup(redis, stream, group);
  return { value, cpu };
}
