import assert from "node:assert/strict";
import { describeConfig } from "./describe.ts";
import { parseConfig } from "./parse.ts";
import type { Env } from "./read.ts";
import { SETTING_NAMES } from "./table.ts";

function describe(env: Env): Readonly<Record<string, string>> {
  const { config } = parseConfig(env, { hostname: "box", version: "1", mintToken: () => "canary" });
  return Object.fromEntries(describeConfig(config).map(({ name, value }) => [name, value]));
}

Deno.test("every setting has its row, in the order of the table", () => {
  assert.deepEqual(Object.keys(describe({})), [...SETTING_NAMES]);
});

Deno.test("what was set is shown as it was written", () => {
  const env = {
    SERVICE_NAME: "n",
    SERVICE_VERSION: "2",
    ENVIRONMENT: "production",
    HOST: "::1",
    SERVICE_PORT: "1",
    LOG_LEVEL: "WARN",
    LOG_FORMAT: "json",
    TIMEZONE: "Europe/Berlin",
    REDIS_SENTINELS: "a:1,[::1]:2",
    REDIS_SENTINEL_MASTER: "m",
    REDIS_DB: "3",
    REDIS_TLS_ENABLED: "true",
    REDIS_TLS_CA_FILE: "/ca",
    REDIS_TLS_CERT_FILE: "/cert",
    REDIS_TLS_KEY_FILE: "/key",
    REDIS_TLS_SERVERNAME: "s",
    REDIS_USER: "u",
    REDIS_PW_FILE: "/pw",
    CONNECTION_TIMEOUT: "11",
    COMMAND_TIMEOUT: "12",
    RETRY_DELAYS: "13,14",
    MAX_RETRY_ATTEMPTS: "15",
    STREAM: "a,b",
    CONSUMER_GROUP: "g",
    CONSUMER_NAME: "c",
    CONSUMER_ENABLED: "false",
    CONSUMER_BATCH_SIZE: "16",
    CONSUMER_CONCURRENCY: "17",
    CONSUMER_ORDERING: "none",
    LEASE_MS: "1018",
    HANDLER_TIMEOUT: "19",
    MAX_DELIVERIES: "20",
    RETRY_BACKOFF: "21",
    RETRY_BACKOFF_MAX: "22",
    DEDUP_WINDOW: "23",
    PUBLISH_DEDUP_WINDOW: "24",
    RETENTION_MAX_LEN: "25",
    RETENTION_MAX_AGE: "26",
    PUBLISH_DURABILITY: "replica:2",
    TEST_EVENT_INTERVAL: "27",
    HANDLERS: "./h.ts",
    MAX_BODY_BYTES: "28",
    TRIGGER_RATE_LIMIT: "29",
    METRICS_ENABLED: "false",
    SHUTDOWN_DELAY: "30",
    SHUTDOWN_TIMEOUT: "31",
  };
  const shown = describe(env);
  for (const [name, text] of Object.entries(env)) assert.equal(shown[name], text, name);
});

Deno.test("secrets are ***, unset ones are empty", () => {
  const shown = describe({ REDIS_URL: "redis://user:canary@h:1/2", API_TOKEN: "canary" });
  assert.deepEqual(
    [
      shown["REDIS_URL"],
      shown["REDIS_HOST"],
      shown["REDIS_PORT"],
      shown["REDIS_USER"],
      shown["REDIS_PW"],
      shown["REDIS_DB"],
    ],
    ["", "h", "1", "user", "***", "2"],
  );
  assert.equal(shown["API_TOKEN"], "***");
  assert.equal(shown["ADMIN_TOKEN"], "***");
  assert.equal(describe({ ENVIRONMENT: "production" })["ADMIN_TOKEN"], "");
});

Deno.test("a lone word before @ is not shown, a socket is", () => {
  assert.equal(describe({ REDIS_URL: "redis://canary@h" })["REDIS_USER"], "***");
  assert.equal(describe({ REDIS_URL: "unix://:canary@/run/s?db=1" })["REDIS_URL"], "unix:///run/s");
});

Deno.test("nodes of a cluster and the embedded folder are shown", () => {
  assert.equal(describe({ REDIS_CLUSTER_NODES: "a:1,b:2" })["REDIS_CLUSTER_NODES"], "a:1,b:2");
  assert.equal(describe({})["REDIS_EMBEDDED_DIR"], ".data/redis");
});
