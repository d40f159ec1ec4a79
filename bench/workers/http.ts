/**
 * The HTTP interface: `BENCH_WAY` `service` (the real one, publishing only), or `null`: the same routes over a store that
 * answers at once and keeps nothing.
 * @module
 */
import { createService } from "redis-stream-service";
import { makeRouter } from "../../src/app/http_parts.ts";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { Happenings } from "../../src/happenings.ts";
import type { HealthView } from "../../src/health/report.ts";
import type { AppendItem, StreamStore } from "../../src/store/port.ts";
import { Publisher } from "../../src/stream/publisher.ts";
import type { Logger } from "../../src/telemetry/logger.ts";
import { tell } from "../lib/child.ts";

const env = Deno.env.toObject();

async function real(): Promise<void> {
  const service = await createService({ env: { ...env, CONSUMER_ENABLED: "false" }, handlers: [] });
  await service.ready;
  tell({ url: service.url });
}

function nothing(): void {
  const { config } = parseConfig(env, { hostname: "bench", version: "0", mintToken: () => "" });
  const append = (items: readonly AppendItem[]) =>
    Promise.resolve(items.map(() => ({ entryId: "1-0", deduplicated: false })));
  const publisher = new Publisher({
    store: { stream: config.stream.names[0]!, group: "g", append } as unknown as StreamStore,
    clock: systemClock,
    happenings: new Happenings(),
    source: config.service.name,
    maxBytes: config.http.maxBodyBytes,
    dedupWindowMs: config.stream.publishDedupWindowMs,
    durability: { level: "memory" },
  });
  const health = { live: () => true, ready: () => ({ status: "ready", timestamp: "" }) } as unknown as HealthView;
  const quiet = (): void => {};
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet } as unknown as Logger;
  const router = makeRouter({
    ...{ config, clock: systemClock, health, publisher, log },
    ...{ metrics: null, tracing: () => null, handlers: () => null },
  });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request, info) => router(request, info),
  );
  tell({ url: `http://127.0.0.1:${server.addr.port}` });
}

if (env["BENCH_WAY"] === "service") await real();
else nothing();
