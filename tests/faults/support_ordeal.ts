/**
 * An ordeal: a service at work is hurt, gets one event of every sort meanwhile, and is healed. Nothing may be lost, done
 * twice or left over, and the log stays short.
 * @module
 */
import assert from "node:assert/strict";
import { defineHandler, defineSchedule, NonRetryableError } from "redis-stream-service";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { waitFor } from "../../testing/wait.ts";
import { StallMeter } from "./campaign/recovery.ts";
import { add, fieldOver, GROUP, OURS, pending, type RunningService, runService, STREAM } from "./support_state.ts";

/** What is done to Redis, and what the service must make of it. */
export interface Ordeal {
  readonly name: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly hurt: (redis: TestRedis, service: RunningService) => Promise<unknown>;
  readonly heal: (redis: TestRedis, service: RunningService) => Promise<unknown>;
  /** One of these is why it is not ready meanwhile; null: it stays ready. Absent: either is right. */
  readonly reasons?: readonly string[] | null;
  /** The events come before it is hurt (Redis takes none meanwhile) and wait at a gate. */
  readonly before?: boolean;
}

/** CONTRACT section 9: one line a state change; the issue wants at most so many a fault. */
const MOST_LINES = 40;
/** CONTRACT 6.12: events flow again so soon after a fault has healed. */
const FLOW_MS = 3_300;
/** Long enough to tell late from never. */
const WAIT_MS = 10_000;
const TICK_MS = 200;

const SORTS = ["plain", "failing", "hopeless", "emitting", "ignored"] as const;

/** Runs one. @throws {AssertionError} A promise was broken; the text names the ordeal. */
export async function endure(ordeal: Ordeal): Promise<void> {
  await using redis = await startRedis(ordeal.config ? { config: ordeal.config } : {});
  const gate = Promise.withResolvers<void>();
  if (!ordeal.before) gate.resolve();
  await using service = await runService(redis, {
    handlers: handlers(gate.promise),
    env: { RETRY_BACKOFF: "100", RETRY_BACKOFF_MAX: "200", COMMAND_TIMEOUT: "1500", MAX_DELIVERIES: "4" },
  });
  await service.until(() => service.of("schedule_fired").length > 0, "a first tick");
  const linesBefore = service.lines.length;
  const send = async (): Promise<void> => {
    for (const sort of SORTS) await add(redis, { id: sort, type: sort });
  };
  if (ordeal.before) await send();
  await ordeal.hurt(redis, service);
  gate.resolve();
  if (!ordeal.before) await send().catch(() => {});
  if (ordeal.reasons) {
    const reason = await service.unready();
    assert.ok(ordeal.reasons.includes(reason), `${ordeal.name}: not ready because of ${reason}`);
  }
  const beats = service.of("beat").length;
  await service.until(() => service.of("beat").length >= beats + 2, "two beats under the fault");
  if (ordeal.reasons === null) assert.equal(service.reason, null, `${ordeal.name}: it stays ready`);
  await using stalls = new StallMeter();
  await ordeal.heal(redis, service);
  await inTime(stalls, ordeal.name, () => service.until(() => service.reason === null, "ready again", WAIT_MS));
  await all(ordeal, redis, service, stalls);
  const said = service.lines.length - linesBefore;
  assert.ok(said <= MOST_LINES, `${ordeal.name}: ${said} lines\n${service.lines.slice(-60).join("\n")}`);
}

/** What is owed within {@link FLOW_MS}, and the time for which this process, the service in it, got no processor. */
async function inTime(stalls: StallMeter, name: string, owed: () => Promise<void>): Promise<void> {
  const [at, since] = [Date.now(), performance.now()];
  await owed();
  const tookMs = performance.now() - since;
  assert.ok(tookMs <= FLOW_MS + stalls.since(at), `${name}: took ${tookMs} ms, ${stalls.since(at)} ms of it stalls`);
}

async function all(ordeal: Ordeal, redis: TestRedis, service: RunningService, stalls: StallMeter): Promise<void> {
  const ended = (sort: string, outcome: string): number =>
    service.of("settled").filter((h) => h.type === sort && h.outcome === outcome).reduce((sum, h) => sum + h.count, 0);
  const found = (): object => ({
    plain: ended("plain", "processed"),
    failing: ended("failing", "processed"),
    hopeless: ended("hopeless", "dead_lettered"),
    emitting: ended("emitting", "processed"),
    ignored: ended("ignored", "ignored"),
    effect: ended("effect", "processed"),
  });
  const wanted = { plain: 1, failing: 1, hopeless: 1, emitting: 1, ignored: 1, effect: 1 };
  const same = (): boolean => JSON.stringify(found()) === JSON.stringify(wanted);
  const allEnded = service.until(same, `${ordeal.name}: each event to end once`, WAIT_MS).catch((error) => {
    throw new Error(`${error.message}\n${Deno.inspect(found())}`);
  });
  await inTime(stalls, ordeal.name, () => allEnded);
  const ticks = service.of("schedule_fired").length;
  await service.until(() => service.of("schedule_fired").length > ticks, `${ordeal.name}: schedules to go on`, 6_000);
  assert.deepEqual(found(), wanted, ordeal.name);
  assert.deepEqual(service.lost, {}, `${ordeal.name}: nothing was lost`);
  assert.deepEqual(await fieldOver(redis, `${OURS}dlq`, "id"), ["hopeless"], ordeal.name);
  const types = await fieldOver(redis, STREAM, "type");
  assert.equal(types.filter((type) => type === "effect").length, 1, `${ordeal.name}: one effect`);
  const ids = (await fieldOver(redis, STREAM, "id")).filter((id) => id.startsWith("tick@"));
  assert.equal(new Set(ids).size, ids.length, `${ordeal.name}: each tick once`);
  await waitFor(async () => await pending(redis) === 0, { what: `${ordeal.name}: nothing pending in ${GROUP}` });
}

function handlers(gate: Promise<void>): Parameters<typeof runService>[1]["handlers"] {
  return [
    defineHandler({ type: "plain", handle: () => gate }),
    defineHandler({
      type: "failing",
      async handle(_event, ctx): Promise<void> {
        await gate;
        if (ctx.attempt === 1) throw new Error("once");
      },
    }),
    defineHandler({
      type: "hopeless",
      async handle(): Promise<void> {
        await gate;
        throw new NonRetryableError("no");
      },
    }),
    defineHandler({
      type: "emitting",
      async handle(_event, ctx): Promise<void> {
        await gate;
        ctx.publish({ type: "effect" });
      },
    }),
    defineHandler({ type: "effect", handle(): void {} }),
    defineHandler({ type: "tick", handle(): void {} }),
    defineSchedule({ name: "tick", everyMs: TICK_MS, event: { type: "tick" } }),
  ];
}
