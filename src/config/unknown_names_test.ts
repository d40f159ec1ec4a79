import assert from "node:assert/strict";
import { nearestName, unknownNames } from "./unknown_names.ts";

const NEAREST: Readonly<Record<string, string>> = {
  REDIS_URI: "REDIS_URL",
  REDIS_PASSWORD: "REDIS_PW",
  REDIS_PASSWRD: "REDIS_PW",
  REDIS_USERNAME: "REDIS_USER",
  STREAM_NAME: "STREAM",
  REDIS_HOSTNAME: "REDIS_HOST",
  SERVICE_PROT: "SERVICE_PORT",
  CONSUMER_BATCHSIZE: "CONSUMER_BATCH_SIZE",
  RETRY_BACKOF: "RETRY_BACKOFF",
  RETENTION_MAX_LENGTH: "RETENTION_MAX_LEN",
  PUBLISH_DURABILTY: "PUBLISH_DURABILITY",
  SHUTDOWN_TIMEOUT_MS: "SHUTDOWN_TIMEOUT",
  TRIGGER_RATELIMIT: "TRIGGER_RATE_LIMIT",
  LOG_LEVELS: "LOG_LEVEL",
  STREAMS: "STREAM",
  HANDLER: "HANDLERS",
  LEASE_TIME: "LEASE_MS",
  DEDUP_WINDOWS: "DEDUP_WINDOW",
  MAX_DELIVERY: "MAX_DELIVERIES",
  METRICS_ENABLE: "METRICS_ENABLED",
  ADMIN_TOKENS: "ADMIN_TOKEN",
  API_TOKE: "API_TOKEN",
  TEST_EVENT_INTERVALL: "TEST_EVENT_INTERVAL",
  CONNECTION_TIMEOUTS: "CONNECTION_TIMEOUT",
  COMMAND_TIMEOUTS: "COMMAND_TIMEOUT",
};

for (const [name, nearest] of Object.entries(NEAREST)) {
  Deno.test(`${name} is unknown, and ${nearest} the nearest name`, () => {
    const [warning, ...others] = unknownNames({ [name]: "canary" });
    assert.match(warning ?? "", new RegExp(`^${name} .*${nearest}$`));
    assert.doesNotMatch(warning ?? "", /canary/);
    assert.deepEqual(others, []);
    assert.equal(nearestName(name), nearest);
  });
}

Deno.test("known names, strangers and empty values are no warning", () => {
  const env = { REDIS_URL: "x", STREAM: "x", PATH: "x", HOME: "x", HOSTNAME: "x", TEST_TMPDIR: "x", REDIS_FOO: "" };
  assert.deepEqual(unknownNames({ ...env, STREAMLIT_PORT: "x", OTEL_SERVICE_NAME: "x", TZ: "x", LOGNAME: "x" }), []);
});

Deno.test("what Kubernetes and the client library put into the environment is no warning", () => {
  const env = {
    REDIS_SERVICE_HOST: "10.0.0.1",
    REDIS_SERVICE_PORT: "6379",
    REDIS_SERVICE_PORT_MAIN: "6379",
    REDIS_PORT_6379_TCP: "tcp://10.0.0.1:6379",
    REDIS_PORT_6379_TCP_PROTO: "tcp",
    REDIS_PORT_6379_TCP_ADDR: "10.0.0.1",
    REDIS_SENTINEL_PORT: "tcp://10.0.0.1:26379",
    REDIS_STREAM_SERVICE_PORT: "tcp://10.0.0.1:80",
    SERVICE_PORT_80_UDP_PORT: "80",
    API_PORT: "tcp://10.0.0.1:80",
    REDIS_EMIT_DIAGNOSTICS: "1",
  };
  assert.deepEqual(unknownNames(env), []);
});

Deno.test("a hostile name stays in one short line, and many are counted", () => {
  const [hostile] = unknownNames({ [`REDIS_\n\u2028${"x".repeat(500)}`]: "x" });
  assert.match(hostile ?? "", /^[\x20-\x7e]{1,250}$/);
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`REDIS_${i}`, "x"]));
  const warnings = unknownNames(many);
  assert.equal(warnings.length, 21);
  assert.match(warnings.at(-1) ?? "", /^80 more/);
});
