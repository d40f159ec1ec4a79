/** `/openapi.json` and `/asyncapi.json` of the real service: valid, and true. */
import assert from "node:assert/strict";
import spec from "@asyncapi/specs/schemas/3.0.0.json" with { type: "json" };
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { type ServiceProcess, startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";
import { ApiDescription } from "./api_support.ts";

const ADMIN = "an-admin-token-for-these-tests";
const API = "a-publishing-token-for-these-tests";
const CE = { specversion: "1.0", source: "/tests", type: "test.script" };

function service(redis: TestRedis, env: Record<string, string> = {}): ServiceProcess {
  return startServiceProcess({
    env: {
      REDIS_URL: redis.url,
      HANDLERS: "./tests/fixtures/described_handlers.ts",
      ADMIN_TOKEN: ADMIN,
      API_TOKEN: API,
      TRIGGER_RATE_LIMIT: "3",
      COMMAND_TIMEOUT: "1000",
      MAX_BODY_BYTES: "2000",
      TEST_EVENT_INTERVAL: "3600000",
      ...env,
    },
  });
}

async function described(url: string): Promise<ApiDescription> {
  return new ApiDescription(await (await fetch(`${url}/openapi.json`)).json());
}

/** Asks, and holds the answer against its description. */
class Client {
  readonly #url: string;
  readonly #api: ApiDescription;

  constructor(url: string, api: ApiDescription) {
    this.#url = url;
    this.#api = api;
  }

  /** @param template The path in the description. @param want The status. @param path As it is asked for. */
  async ask(method: string, template: string, want: number, init: RequestInit = {}, path = template): Promise<unknown> {
    const token = path.startsWith("/admin") ? ADMIN : API;
    const headers = { Authorization: `Bearer ${token}`, ...init.headers as Record<string, string> };
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(`${this.#url}${path}`, { ...init, method, headers, signal });
    assert.equal(response.status, want, `${method} ${path}`);
    return await this.#api.check(method, template, response);
  }

  publish(want: number, body: unknown, type = "application/cloudevents+json", query = ""): Promise<unknown> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return this.ask("POST", "/events", want, { body: text, headers: { "Content-Type": type } }, `/events${query}`);
  }
}

async function exerciseServing(client: Client): Promise<void> {
  for (const path of ["/health", "/health/live", "/health/ready", "/health-check", "/metrics"]) {
    await client.ask("GET", path, 200);
    await client.ask("HEAD", path, 200);
  }
  for (const path of ["/openapi.json", "/asyncapi.json"]) {
    await client.ask("GET", path, 200);
    await client.ask("HEAD", path, 200);
    await client.ask("GET", path, 304, { headers: { "If-None-Match": "*" } });
  }
}

async function exercisePublishing(client: Client): Promise<void> {
  const json = { "Content-Type": "application/json" };
  await client.ask("POST", "/trigger-test-event", 200);
  await client.ask("POST", "/trigger-test-event", 200, { body: '{"a":1}', headers: json });
  await client.ask("POST", "/trigger-test-event", 400, { body: "[]", headers: json });
  await client.ask("POST", "/trigger-test-event", 429);
  await client.ask("POST", "/trigger-test-event", 401, { headers: { Authorization: "Bearer wrong" } });
  await client.publish(202, { ...CE, id: "1", data: {} });
  await client.publish(202, [{ ...CE, id: "1" }, { ...CE, id: "2" }], "application/cloudevents-batch+json");
  await client.publish(202, { ...CE, id: "later" }, undefined, "?delay=600000");
  await client.publish(400, { ...CE });
  await client.publish(400, { ...CE, id: "1" }, undefined, "?delay=-1");
  await client.publish(413, { ...CE, id: "1", data: "x".repeat(3_000) });
  await client.publish(415, "<a/>", "text/xml");
  await client.ask("POST", "/events", 401, { headers: { Authorization: "Bearer wrong" } });
  const keyed = { "Content-Type": "application/cloudevents-batch+json", "Idempotency-Key": "k" };
  await client.ask("POST", "/events", 202, { body: JSON.stringify([{ ...CE, id: "3" }]), headers: keyed });
  const two = JSON.stringify([{ ...CE, id: "4" }, { ...CE, id: "5" }]);
  await client.ask("POST", "/events", 422, { body: two, headers: keyed });
}

/** A dead letter, a parked entry and one that runs, so that the answers have something in them. */
async function makeStates(client: Client, redis: TestRedis): Promise<void> {
  for (const id of ["dead-1", "dead-2", "dead-3"]) await client.publish(202, { ...CE, id, data: { hopeless: true } });
  await client.publish(202, { ...CE, id: "parked", data: { failUntil: 99 } });
  await client.publish(202, { ...CE, id: "held", data: { sleepMs: 60_000 } });
  await redis.command(["XADD", "event-stream", "*", "no", "type", new Uint8Array([0xff]), new Uint8Array([0xfe])]);
  await waitFor(async () => {
    const totals = (await client.ask("GET", "/admin/api/overview", 200) as { totals: Record<string, number> }).totals;
    return totals["deadLetters"] === 4 && totals["parked"] === 1 && totals["pending"] === 1;
  }, { what: "an entry in every state" });
}

async function exerciseAdmin(client: Client): Promise<void> {
  const at = "/admin/api";
  const list = async (path: string, query = ""): Promise<readonly Record<string, string>[]> =>
    (await client.ask("GET", `${at}/${path}`, 200, {}, `${at}/${path}${query}`) as { items: [] }).items;
  const events = await list("events", "?limit=100");
  for (const { entryId } of events) {
    await client.ask("GET", `${at}/events/{entryId}`, 200, {}, `${at}/events/${entryId}`);
  }
  await client.ask("GET", `${at}/events/{entryId}`, 404, {}, `${at}/events/99999999999999-0`);
  await client.ask("GET", `${at}/events/{entryId}`, 400, {}, `${at}/events/x`);
  await client.ask("GET", `${at}/events`, 400, {}, `${at}/events?limit=0`);
  await client.ask("GET", `${at}/scaling`, 200);
  const [schedule] = await list("schedules");
  await client.ask("POST", `${at}/schedules/{name}/run`, 200, {}, `${at}/schedules/${schedule!["name"]}/run`);
  await client.ask("POST", `${at}/schedules/{name}/run`, 404, {}, `${at}/schedules/none/run`);
  const [one, two] = await list("dead-letters");
  const letter = `${at}/dead-letters/{id}`;
  await client.ask("GET", letter, 200, {}, `${at}/dead-letters/${one!["id"]}`);
  await client.ask("GET", letter, 404, {}, `${at}/dead-letters/1-1`);
  await client.ask("POST", `${letter}/replay`, 200, {}, `${at}/dead-letters/${one!["id"]}/replay`);
  await client.ask("DELETE", letter, 200, {}, `${at}/dead-letters/${two!["id"]}`);
  const replay = `${at}/dead-letters/replay`;
  await client.ask("POST", replay, 200, { body: '{"dryRun":true}', headers: { "Content-Type": "application/json" } });
  await client.ask("POST", replay, 400, {}, `${replay}?typo=1`);
  await client.ask("POST", replay, 415, { body: "x", headers: { "Content-Type": "text/plain" } });
  await client.ask("POST", `${at}/consumer/pause`, 200);
  await client.ask("POST", `${at}/consumer/resume`, 200);
  await client.ask("GET", `${at}/overview`, 401, { headers: { Authorization: "Bearer wrong" } });
  for (const path of ["overview", "live", "events", "schedules", "scaling", "dead-letters"]) {
    await client.ask("HEAD", `${at}/${path}`, 200);
  }
}

async function exerciseOutage(client: Client, url: string, redis: TestRedis): Promise<void> {
  redis.stop();
  await waitFor(() => status(`${url}/health/ready`, 503), { what: "not ready" });
  for (const path of ["/health", "/health/ready"]) {
    await client.ask("GET", path, 503);
    await client.ask("HEAD", path, 503);
  }
  await client.publish(503, { ...CE, id: "no" });
  await client.ask("POST", "/trigger-test-event", 503);
  await client.ask("GET", "/admin/api/overview", 200);
  await client.ask("GET", "/admin/api/scaling", 503);
  await client.ask("GET", "/openapi.json", 200);
  redis.cont();
}

Deno.test("what the service answers is what its description says, in every state that can be made quickly", async () => {
  await using redis = await startRedis();
  await using process = service(redis);
  const url = await process.ready();
  const api = await described(url);
  const client = new Client(url, api);
  await exerciseServing(client);
  await exercisePublishing(client);
  await makeStates(client, redis);
  await exerciseAdmin(client);
  await exerciseOutage(client, url, redis);

  assert.equal(api.document["x-undescribed"], undefined, "routes that say nothing of themselves");
  const seen = new Set([...api.seen].map((one) => one.replace(/ \d+$/, "")));
  // The answer to GET has no end; HEAD of the rest is made of the same parts.
  const unseen = api.operations.filter((one) => !seen.has(one) && !/ .*\{|^get \/admin\/api\/live$/.test(one));
  assert.deepEqual(unseen, []);
  assert.ok([...seen].filter((one) => one.includes("{")).length >= 5);
});

Deno.test("both descriptions of the real service are valid and hold no secret and no host", async () => {
  await using redis = await startRedis();
  await using process = service(redis);
  const url = await process.ready();
  const openApi = await (await fetch(`${url}/openapi.json`)).text();
  const asyncApi = await (await fetch(`${url}/asyncapi.json`)).text();
  const result = await new Validator().validate(JSON.parse(openApi));
  assert.deepEqual([result.valid, result.errors ?? []], [true, []]);
  const isAsyncApi = new Ajv.default({ strict: false, meta: false, validateSchema: false, validateFormats: false })
    .compile(spec);
  assert.ok(isAsyncApi(JSON.parse(asyncApi)), JSON.stringify(isAsyncApi.errors?.slice(0, 3)));
  for (const secret of [ADMIN, API, redis.url, `:${redis.port}`]) {
    assert.ok(!openApi.includes(secret) && !asyncApi.includes(secret), secret);
  }
  const { channels, operations, components } = JSON.parse(asyncApi);
  assert.deepEqual(Object.keys(channels), ["event-stream"]);
  assert.deepEqual(
    Object.values<{ name: string }>(components.messages).map(({ name }) => name),
    ["test.described", "test.script", "test.scheduled", "test.manual", "CloudEvent"],
  );
  assert.ok("schedule.test.scheduled" in operations);
  assert.equal(components.schemas["data.test.described"].properties.orderId.type, "string");
});

Deno.test("a part that is turned off is not described", async () => {
  await using redis = await startRedis();
  const env = { METRICS_ENABLED: "false", CONSUMER_ENABLED: "false", ADMIN_TOKEN: "", ENVIRONMENT: "production" };
  await using process = service(redis, { ...env, API_TOKEN: "", HOST: "127.0.0.1" });
  const url = await process.ready();
  const { document, operations } = await described(url);
  assert.ok(operations.includes("post /events") && !operations.some((one) => /metrics|admin/.test(one)));
  assert.ok(!JSON.stringify(document["paths"]).includes("Token"));
  const { operations: events } = await (await fetch(`${url}/asyncapi.json`)).json();
  assert.ok(!Object.values<{ action: string }>(events).some(({ action }) => action === "receive"));
});
