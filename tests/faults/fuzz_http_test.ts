/** Malformed HTTP requests against the real process: it answers each as promised, and nothing else happens to it. */
import assert from "node:assert/strict";
import { startRedis } from "../../testing/redis_server.ts";
import { Dice } from "../simulation/dice.ts";
import { type Answer, fire } from "./fuzz_http_client.ts";
import { type Shot, shotOf, type Tokens } from "./fuzz_http_requests.ts";
import { CONTEXT, Fuzzed, labelValues, ROUNDS, scrape, SEED } from "./support_fuzz.ts";

const REQUESTS_A_ROUND = 2_500;
/** Connections at once. */
const AT_ONCE = 24;
const TOKENS: Tokens = { api: "fuzz-api-token", admin: "fuzz-admin-token" };
/** A leak of 12 KB a request ends the process half-way (tried); memory over 10 rounds was 121 to 136 MB. */
const HEAP_MB = 64;
const MARGIN_MB = 32;
const SECURITY_HEADERS = [
  "cache-control",
  "content-security-policy",
  "cross-origin-resource-policy",
  "referrer-policy",
  "x-content-type-options",
  "x-frame-options",
];
/** What the runtime itself answers to what is no HTTP, without a body. */
const BARE = [400, 414, 431];

Deno.test(`${ROUNDS * REQUESTS_A_ROUND} malformed HTTP requests: no exit, no 5xx, memory flat, probes fast`, async () => {
  await using redis = await startRedis();
  await using fuzzed = await Fuzzed.start({
    redis,
    heapMb: HEAP_MB,
    format: SEED % 2 === 0 ? "json" : "text",
    env: { API_TOKEN: TOKENS.api, ADMIN_TOKEN: TOKENS.admin, TRIGGER_RATE_LIMIT: "200" },
  });
  const dice = new Dice(SEED, "http");
  const seen = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    await fireAll(Number(new URL(fuzzed.url).port), dice, round, seen);
    await fuzzed.rest();
  }
  const figures = await fuzzed.verdict(MARGIN_MB);
  // A fuzzer that is always refused at the door has tried nothing behind it.
  for (const status of [200, 202, 400, 401, 404, 405, 413, 415]) {
    assert.ok((seen.get(`${status}`) ?? 0) > 5, shown(seen));
  }
  const samples = await scrape(fuzzed.url);
  assert.ok(labelValues(samples, "http_request_duration_seconds_count", "method").size <= 8, CONTEXT);
  assert.ok(labelValues(samples, "http_request_duration_seconds_count", "route").size <= 30, CONTEXT);
  assert.ok(labelValues(samples, "stream_events_published_total", "type").size <= 250, CONTEXT);
  await redis.command(["DEL", "{event-stream}:redis-stream-service:paused"]);
  await fuzzed.end(`${shown(seen)}; ${figures}`);
});

async function fireAll(port: number, dice: Dice, round: number, seen: Map<string, number>): Promise<void> {
  let next = 0;
  const shooter = async (): Promise<void> => {
    while (next < REQUESTS_A_ROUND) {
      const n = round * REQUESTS_A_ROUND + next++;
      const shot = shotOf(dice, TOKENS, n);
      const answers = await fire(port, shot);
      judge(shot, answers, `${CONTEXT}, request ${n}: ${JSON.stringify(preview(shot))}`);
      if (answers.length === 0) count(seen, "none");
      for (const { status } of answers) count(seen, String(status));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, shooter));
}

function judge(shot: Shot, answers: readonly Answer[], context: string): void {
  // A half-closed connection counts as left: whether the answer still comes is the runtime's choice.
  if (shot.http && shot.answers > 0 && !shot.halfClose) assert.equal(answers.length, 1, `${context}: no answer`);
  for (const { status, headers, body } of answers) {
    const found = `${context} got ${status} ${body.slice(0, 300)}`;
    assert.ok(status >= 200 && status < 500, found);
    assert.doesNotMatch(body, /\bat .*\.[jt]s:\d|\.ts:\d+:\d+/, found);
    if (!shot.http && BARE.includes(status) && body === "" && !headers.has("content-type")) continue;
    for (const name of SECURITY_HEADERS) assert.ok(headers.has(name), `${found}: no ${name}`);
    assert.match(headers.get("x-correlation-id") ?? "", /^[\w.:-]{1,128}$/, found);
    if (headers.get("content-type") === "application/problem+json" && body !== "") {
      assert.equal(JSON.parse(body).status, status, found);
    }
  }
}

function preview({ bytes }: Shot): string {
  return new TextDecoder("latin1").decode(bytes.subarray(0, 600));
}

function count(seen: Map<string, number>, what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

function shown(seen: ReadonlyMap<string, number>): string {
  return [...seen].toSorted().map(([what, times]) => `${what}: ${times}`).join(", ");
}
