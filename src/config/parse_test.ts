import assert from "node:assert/strict";
import { ServiceError } from "../errors.ts";
import { ConfigError } from "./error.ts";
import { type ConfigContext, parseConfig } from "./parse.ts";
import type { Env } from "./read.ts";
import type { ConfigProblem, ParsedConfig } from "./types.ts";

const CONTEXT: ConfigContext = { hostname: "box", version: "9.8.7", mintToken: () => "minted" };

function parse(env: Env, context: Partial<ConfigContext> = {}): ParsedConfig {
  return parseConfig(env, { ...CONTEXT, ...context });
}

function problemsOf(env: Env): readonly ConfigProblem[] {
  try {
    parse(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

Deno.test("an empty environment gives every default of the contract", () => {
  const { config, warnings, secrets } = parse({});
  assert.deepEqual(JSON.parse(JSON.stringify(config)), {
    service: { name: "redis-stream-service", version: "9.8.7", environment: "development", development: true },
    http: {
      host: "127.0.0.1",
      port: 8000,
      maxBodyBytes: 1_048_576,
      triggerRateLimit: 10,
      apiToken: null,
      adminToken: "***",
      adminTokenMinted: true,
      metricsEnabled: true,
    },
    log: { level: "INFO", format: "text", timezone: "UTC" },
    redis: {
      topology: { kind: "embedded", dir: ".data/redis" },
      user: null,
      password: null,
      passwordFile: null,
      db: 0,
      tls: null,
      connectionTimeoutMs: 10_000,
      commandTimeoutMs: 5000,
      retryDelaysMs: [5000, 15_000, 30_000],
      maxRetryAttempts: 0,
    },
    stream: {
      names: ["event-stream"],
      group: "redis-stream-service",
      consumerName: "box",
      consumerEnabled: true,
      batchSize: 500,
      concurrency: 64,
      ordering: "key",
      leaseMs: 10_000,
      handlerTimeoutMs: 30_000,
      maxDeliveries: 5,
      retryBackoffMs: 1000,
      retryBackoffMaxMs: 60_000,
      dedupWindowMs: 0,
      publishDedupWindowMs: 600_000,
      retentionMaxLength: 1_000_000,
      retentionMaxAgeMs: 604_800_000,
      durability: { level: "memory" },
      testEventIntervalMs: 10_000,
    },
    handlers: "./handlers/mod.ts",
    shutdown: { delayMs: 0, timeoutMs: 20_000 },
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(secrets, []);
});

Deno.test("every setting reaches its place", () => {
  const { config } = parse({
    SERVICE_NAME: "shop",
    SERVICE_VERSION: "2",
    ENVIRONMENT: "production",
    HOST: "[::1]",
    SERVICE_PORT: "0",
    LOG_LEVEL: "debug",
    LOG_FORMAT: "json",
    TIMEZONE: "Europe/Berlin",
    STREAM: "a,b",
    CONSUMER_GROUP: "g",
    CONSUMER_NAME: "c",
    CONSUMER_ENABLED: "false",
    CONSUMER_BATCH_SIZE: "11",
    CONSUMER_CONCURRENCY: "12",
    CONSUMER_ORDERING: "none",
    LEASE_MS: "1000",
    HANDLER_TIMEOUT: "14",
    MAX_DELIVERIES: "15",
    RETRY_BACKOFF: "16",
    RETRY_BACKOFF_MAX: "17",
    DEDUP_WINDOW: "18",
    PUBLISH_DEDUP_WINDOW: "19",
    RETENTION_MAX_LEN: "20",
    RETENTION_MAX_AGE: "2592000000",
    PUBLISH_DURABILITY: "replica:2",
    TEST_EVENT_INTERVAL: "0",
    HANDLERS: "./mine.ts",
    API_TOKEN: "api-token-of-sixteen",
    ADMIN_TOKEN: "admin-token-of-sixteen",
    MAX_BODY_BYTES: "22",
    TRIGGER_RATE_LIMIT: "0",
    METRICS_ENABLED: "0",
    SHUTDOWN_DELAY: "23",
    SHUTDOWN_TIMEOUT: "24",
  });
  assert.deepEqual(config.service, { name: "shop", version: "2", environment: "production", development: false });
  assert.equal(config.http.host, "::1");
  assert.equal(config.http.port, 0);
  assert.equal(config.http.maxBodyBytes, 22);
  assert.equal(config.http.triggerRateLimit, 0);
  assert.equal(config.http.metricsEnabled, false);
  assert.equal(config.http.apiToken?.reveal(), "api-token-of-sixteen");
  assert.equal(config.http.adminToken?.reveal(), "admin-token-of-sixteen");
  assert.deepEqual(config.log, { level: "DEBUG", format: "json", timezone: "Europe/Berlin" });
  assert.deepEqual(config.stream, {
    names: ["a", "b"],
    group: "g",
    consumerName: "c",
    consumerEnabled: false,
    batchSize: 11,
    concurrency: 12,
    ordering: "none",
    leaseMs: 1000,
    handlerTimeoutMs: 14,
    maxDeliveries: 15,
    retryBackoffMs: 16,
    retryBackoffMaxMs: 17,
    dedupWindowMs: 18,
    publishDedupWindowMs: 19,
    retentionMaxLength: 20,
    retentionMaxAgeMs: 2_592_000_000,
    durability: { level: "replica", replicas: 2 },
    testEventIntervalMs: 0,
  });
  assert.equal(config.handlers, "./mine.ts");
  assert.deepEqual(config.shutdown, { delayMs: 23, timeoutMs: 24 });
});

Deno.test("an empty value counts as unset", () => {
  const { config } = parse({ SERVICE_PORT: "", STREAM: "", REDIS_URL: "", ADMIN_TOKEN: "", RETRY_DELAYS: undefined });
  assert.equal(config.http.port, 8000);
  assert.deepEqual(config.stream.names, ["event-stream"]);
  assert.equal(config.redis.topology.kind, "embedded");
});

Deno.test("outside development the service listens everywhere and makes no admin token", () => {
  const mintToken = (): string => assert.fail("must not be called");
  const { config } = parse({ ENVIRONMENT: "production" }, { mintToken });
  assert.equal(config.http.host, "0.0.0.0");
  assert.equal(config.http.adminToken, null);
});

Deno.test("a minted admin token is not among the secrets, since the log shows it; one that was set is", () => {
  const minted = parse({});
  assert.equal(minted.config.http.adminToken?.reveal(), "minted");
  assert.deepEqual(minted.secrets, []);
  const given = parse({ ADMIN_TOKEN: "given" }, { mintToken: () => assert.fail("must not be called") });
  assert.deepEqual(given.secrets, ["given"]);
});

Deno.test("the group follows the name of the service", () => {
  assert.equal(parse({ SERVICE_NAME: "shop" }).config.stream.group, "shop");
});

Deno.test("a host name that cannot be a consumer name is made one", () => {
  const consumerName = (hostname: string): string => parse({}, { hostname }).config.stream.consumerName;
  assert.equal(consumerName("Anna's {box}\n1"), "Anna's--box--1");
  assert.equal(consumerName("@@host"), "host");
  assert.equal(consumerName(""), "consumer");
  assert.equal(consumerName("x".repeat(999)).length, 256);
});

const TEN_WRONG: Env = {
  SERVICE_NAME: "two words",
  SERVICE_PORT: "80a",
  LOG_LEVEL: "LOUD",
  TIMEZONE: "Mars/Olympus",
  REDIS_URL: "redis://:canary@h:99999",
  CONNECTION_TIMEOUT: "10s",
  STREAM: "a,a",
  LEASE_MS: "999",
  RETRY_BACKOFF: "1e9",
  API_TOKEN: "canary canary",
};

Deno.test("ten wrong settings give one error with ten lines below its header", () => {
  assert.throws(() => parse(TEN_WRONG), (error) => {
    assert.ok(error instanceof ConfigError && error instanceof ServiceError);
    assert.equal(error.code, "config_invalid");
    assert.deepEqual(error.problems.map(({ name }) => name).sort(), Object.keys(TEN_WRONG).sort());
    const [header, ...lines] = error.message.split("\n");
    assert.match(header ?? "", /10 problems/);
    assert.equal(lines.length, 10);
    assert.match(error.message, /SERVICE_PORT: got "80a", want an integer from 0 to 65535/);
    assert.doesNotMatch(error.message, /canary/);
    return true;
  });
});

Deno.test("a problem stays in one line whatever the value holds", () => {
  const [problem] = problemsOf({ LOG_LEVEL: "a\r\nb\u0000\u0085\u2028\u202e" + "x".repeat(500) });
  assert.match(problem?.got ?? "", /^"[\x20-\x7e]+…"$/);
});

Deno.test("a value that looks like an address with a login is not shown", () => {
  for (const text of ["redis://:canary@h", "user:canary@h", "a\n@canary"]) {
    for (const name of ["REDIS_HOST", "REDIS_SENTINELS", "SERVICE_PORT"]) {
      assert.doesNotMatch(JSON.stringify(problemsOf({ [name]: text })), /canary/);
    }
  }
});

Deno.test("a value that holds a secret of another setting is not shown", () => {
  for (const name of ["REDIS_PW", "API_TOKEN", "ADMIN_TOKEN"]) {
    const [problem] = problemsOf({ [name]: "canary", LOG_LEVEL: "has canary inside" });
    assert.equal(problem?.got, "a value that is hidden");
  }
  const [problem] = problemsOf({ REDIS_URL: "redis://:can%61ry@h", LOG_LEVEL: "canary" });
  assert.equal(problem?.got, "a value that is hidden");
});

Deno.test("the longest backoff is at least the first, defaults included", () => {
  assert.deepEqual(problemsOf({ RETRY_BACKOFF: "60000" }), []);
  assert.deepEqual(problemsOf({ RETRY_BACKOFF: "60001" }), [
    { name: "RETRY_BACKOFF_MAX", got: "60000 (the default)", want: "at least RETRY_BACKOFF, which is 60001" },
  ]);
  assert.equal(problemsOf({ RETRY_BACKOFF: "20", RETRY_BACKOFF_MAX: "10" })[0]?.got, "10");
  assert.deepEqual(problemsOf({ RETRY_BACKOFF: "x", RETRY_BACKOFF_MAX: "10" }).map(({ name }) => name), [
    "RETRY_BACKOFF",
  ]);
});

Deno.test("a short token is a warning outside development and nothing inside", () => {
  const tokens = { API_TOKEN: "t", ADMIN_TOKEN: "x".repeat(16) };
  assert.deepEqual(parse(tokens).warnings, []);
  const { warnings } = parse({ ...tokens, ENVIRONMENT: "production" });
  assert.deepEqual(warnings, ["API_TOKEN is shorter than 16 characters and may be guessed"]);
});

Deno.test("a port that Kubernetes set is taken as unset, with a warning that does not repeat it", () => {
  const { config, warnings } = parse({
    SERVICE_PORT: "tcp://10.0.0.9:80",
    REDIS_PORT: "tcp://10.0.0.9:6379",
    REDIS_HOST: "h",
  });
  assert.equal(config.http.port, 8000);
  assert.deepEqual(config.redis.topology, { kind: "single", address: { host: "h", port: 6379 } });
  assert.equal(warnings.length, 2);
  assert.doesNotMatch(warnings.join(), /10\.0\.0\.9/);
});

Deno.test("what is given back is frozen all the way down", () => {
  const parsed = parse({ REDIS_URL: "redis://a" });
  assert.ok(Object.isFrozen(parsed) && Object.isFrozen(parsed.config) && Object.isFrozen(parsed.secrets));
  assert.ok(Object.isFrozen(parsed.config.stream.names) && Object.isFrozen(parsed.config.redis.topology));
});

Deno.test("settings are own properties of the environment, not inherited ones", () => {
  const env = Object.create({ SERVICE_PORT: "1" });
  assert.equal(parse(env).config.http.port, 8000);
});
