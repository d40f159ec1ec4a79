/** CONTRACT 4 and 6: data that is parsed when it is read is judged before the handler is called all the same. */
import assert from "node:assert/strict";
import { defineHandler } from "redis-stream-service";
import { BETWEEN_PROBES } from "../../src/events/data_habit.ts";
import type { Event } from "../../src/events/event.ts";
import { startRedis } from "../../testing/redis_server.ts";
import { GROUP, runService, STREAM } from "../faults/support_state.ts";

const MALFORMED = ["", "{", "{'a':1}", "[1,]", '{"a":01}', '"\\x"', "nul", '{"a":"\t"}', "{} {}", "undefined", '"é'];
const EVENTS = 600;

const isLeft = (event: Event): boolean => Object.getOwnPropertyDescriptor(event, "data")?.get !== undefined;

Deno.test("data that is no JSON is a dead letter without a call, for a handler that never reads data", async () => {
  await using redis = await startRedis();
  const events: Event[] = [];
  const left: boolean[] = [];
  await using service = await runService(redis, {
    handlers: [defineHandler({ type: "work", handle: (event) => void (left.push(isLeft(event)), events.push(event)) })],
  });
  const add = (...fields: string[]): Promise<unknown> =>
    redis.command(["XADD", STREAM, "*", "type", "work", ...fields]);
  for (const [n, data] of MALFORMED.entries()) {
    await add("data", `{"n":${n}}`, "note", "}]0");
    await add(n % 2 === 0 ? "data" : "payload", data, "note", '"}]0');
  }
  await add("data", "{", "data", "{}");
  const dead = MALFORMED.length + 1;
  await service.until(() => service.tally["dead_lettered"] === dead, "the letters");
  await service.until(() => service.tally["processed"] === MALFORMED.length, "the others to be handled");
  assert.ok(left.every(Boolean), "nothing of what was handled was parsed");
  assert.deepEqual(events.map(({ data }) => data), MALFORMED.map((_, n) => ({ n })));
  const letters = await redis.command(["XRANGE", `{${STREAM}}:${GROUP}:dlq`, "-", "+"]) as [string, string[]][];
  assert.equal(letters.length, dead);
  for (const [, fields] of letters) {
    const value = (name: string): string | undefined => fields[fields.indexOf(name) + 1];
    assert.equal(value("dlq.reason"), "undecodable");
    assert.match(value("dlq.error") ?? "", /^data is not JSON \(.+\), want application\/json$/);
  }
});

Deno.test("a handler that reads data has it parsed at once but for a probe, one with a schema always", async () => {
  await using redis = await startRedis();
  const schema = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as const;
  const left = { reads: 0, checked: 0, looks: 0 };
  let sum = 0;
  await using service = await runService(redis, {
    handlers: [
      defineHandler({
        type: "reads",
        handle(event): void {
          if (isLeft(event)) left.reads++;
          sum += (event.data as { n: number }).n;
        },
      }),
      defineHandler({ type: "checked", schema, handle: (event) => void (isLeft(event) && left.checked++) }),
      defineHandler({ type: "looks", handle: (event) => void (isLeft(event) && left.looks++) }),
    ],
  });
  for (let n = 0; n < EVENTS; n++) {
    for (const type of ["reads", "checked", "looks"]) {
      await redis.command(["XADD", STREAM, "*", "type", type, "data", `{"n":${n}}`]);
    }
  }
  await service.until(() => service.tally["processed"] === 3 * EVENTS, "all to be handled");
  assert.equal(sum, EVENTS * (EVENTS - 1) / 2);
  assert.equal(left.looks, EVENTS);
  assert.equal(left.checked, 0);
  assert.equal(left.reads, Math.ceil(EVENTS / (BETWEEN_PROBES + 1)));
});
