/**
 * Every setting, once. Reading, checking, `.env.example`, docs/configuration.md and the list of known names all come
 * from this table.
 * @module
 */
import * as kinds from "./kinds.ts";
import type { Kind } from "./kinds.ts";
import { MAX_DB, parseRedisUrl } from "./redis_url.ts";

/** One setting. @typeParam T What it is read into. @typeParam D Its default. */
export interface Setting<T, D extends string | null> {
  readonly kind: Kind<T>;
  /** The default, written as one would write it in the environment. Null: none, or one that depends on others. */
  readonly fallback: D;
  /** For the documentation: meaning, unit. */
  readonly meaning: string;
  /** The value must not appear in any output. Default false. */
  readonly secret?: true;
  /** For the documentation, where `fallback` alone does not say it. */
  readonly fallbackText?: string;
  /** For `.env.example`, where there is no default. */
  readonly example?: string;
  /** Beginnings of names that are ours. Default: the first word and `_`; for one-word names none. */
  readonly prefixes?: readonly string[];
  /** What people used to other software call it; found when the nearest name is looked for. */
  readonly aliases?: readonly string[];
}

type Extras = Pick<Setting<unknown, null>, "secret" | "fallbackText" | "example" | "prefixes" | "aliases">;

function setting<T, const D extends string | null>(
  kind: Kind<T>,
  fallback: D,
  meaning: string,
  extras: Extras = {},
): Setting<T, D> {
  return { kind, fallback, meaning, ...extras };
}

const { MAX_SPAN_MS } = kinds;
const HOUR_MS = 3_600_000;
const secret = true;
const redisUrl = {
  want: "redis://, rediss:// or unix://, as in redis://user:password@host:6379/0 or unix:///run/redis.sock?db=0",
  parse: parseRedisUrl,
};
const databaseNumber = kinds.integer(0, MAX_DB);
const portNumber = kinds.integer(1, 65_535);
const path = { ...kinds.line(4096), want: "a path of at most 4096 characters, no control characters" };
const span = (min: number): Kind<number> => kinds.integer(min, MAX_SPAN_MS, " (ms)");

const SERVICE = {
  SERVICE_NAME: setting(kinds.name, "redis-stream-service", "Name in health, logs and metrics; the default group"),
  SERVICE_VERSION: setting(kinds.line(256), null, "Version in health and logs", {
    fallbackText: "from deno.json",
    example: "1.0.0",
  }),
  ENVIRONMENT: setting(kinds.line(256), "development", "`development` or anything else, such as `production`"),
  HOST: setting(kinds.host, null, "Address to listen on", {
    fallbackText: "`127.0.0.1` in development, else `0.0.0.0`",
    example: "127.0.0.1",
  }),
  SERVICE_PORT: setting(
    kinds.integer(0, 65_535),
    "8000",
    "Port to listen on; `0` picks a free one, which the ready log line names",
  ),
  LOG_LEVEL: setting(kinds.choice("DEBUG", "INFO", "WARN", "ERROR"), "INFO", "The least level that is logged"),
  LOG_FORMAT: setting(
    kinds.choice("text", "json"),
    "text",
    "`text` for people, `json` for aggregation: one object a line",
  ),
  TIMEZONE: setting(kinds.timezone, "UTC", "For cron schedules and text logs"),
};

const REDIS = {
  REDIS_URL: setting(redisUrl, null, "Where Redis is; wins over the single parts", {
    secret,
    example: "redis://127.0.0.1:6379/0",
  }),
  REDIS_HOST: setting(kinds.host, null, "Where Redis is", { example: "127.0.0.1" }),
  REDIS_PORT: setting(portNumber, "6379", "Port, beside `REDIS_HOST`"),
  REDIS_USER: setting(kinds.line(1024), null, "ACL user, beside `REDIS_PW` or `REDIS_PW_FILE`", {
    example: "service",
    aliases: ["REDIS_USERNAME"],
  }),
  REDIS_PW: setting(kinds.anything, null, "Password", { secret, aliases: ["REDIS_PASSWORD", "REDIS_AUTH"] }),
  REDIS_DB: setting(databaseNumber, "0", "Database number; a cluster has only `0`"),
  REDIS_PW_FILE: setting(
    path,
    null,
    "File with the password, read again on every reconnect (rotation); one line break at its end is ignored. Wins over `REDIS_PW` and over a password in `REDIS_URL`",
    { example: "/run/secrets/redis_password", aliases: ["REDIS_PASSWORD_FILE"] },
  ),
  REDIS_TLS_ENABLED: setting(kinds.flag, "false", "TLS, always verified; `rediss://` turns it on too"),
  REDIS_TLS_CA_FILE: setting(path, null, "PEM file with the authorities to trust", { example: "/run/secrets/ca.pem" }),
  REDIS_TLS_CERT_FILE: setting(path, null, "PEM file with the client's certificate (mutual TLS), beside its key", {
    example: "/run/secrets/client.pem",
  }),
  REDIS_TLS_KEY_FILE: setting(path, null, "PEM file with the client's key", { example: "/run/secrets/client.key" }),
  REDIS_TLS_SERVERNAME: setting(kinds.host, null, "Name to verify, where it is not the host", {
    example: "redis.example.com",
  }),
  REDIS_SENTINELS: setting(kinds.addresses, null, "Sentinels to ask for the writer", {
    example: "sentinel-1:26379,sentinel-2:26379,sentinel-3:26379",
  }),
  REDIS_SENTINEL_MASTER: setting(kinds.name, "mymaster", "Name under which the sentinels know the writer"),
  REDIS_CLUSTER_NODES: setting(kinds.addresses, null, "Some nodes of a cluster; the others are found through them", {
    example: "node-1:6379,node-2:6379,node-3:6379",
  }),
  REDIS_EMBEDDED_DIR: setting(path, ".data/redis", "Folder of the embedded Redis"),
};

const CONNECTION = {
  CONNECTION_TIMEOUT: setting(kinds.timer(10, HOUR_MS), "10000", "Bound on connect and handshake"),
  COMMAND_TIMEOUT: setting(kinds.timer(10, HOUR_MS), "5000", "Bound on one command, in flight included"),
  RETRY_DELAYS: setting(
    kinds.timers(1),
    "5000,15000,30000",
    "Waits between connection attempts, ±20 % jitter; the last repeats. The first attempt after a lost connection is immediate",
  ),
  MAX_RETRY_ATTEMPTS: setting(
    kinds.integer(0, 1_000_000),
    "0",
    "`0` never gives up; `n`: after n failed attempts in a row, exit code 3",
  ),
};

const STREAM = {
  STREAM: setting(kinds.streams, "event-stream", "Streams to read; the first is where the service publishes", {
    prefixes: ["STREAM_", "STREAMS"],
    aliases: ["STREAM_NAME", "STREAM_KEY"],
  }),
  CONSUMER_GROUP: setting(kinds.name, null, "Consumer group", {
    fallbackText: "`SERVICE_NAME`",
    example: "redis-stream-service",
  }),
  CONSUMER_NAME: setting(kinds.name, null, "Consumer; each start adds a suffix of its own", {
    fallbackText: "host name",
    example: "worker",
  }),
  CONSUMER_ENABLED: setting(kinds.flag, "true", "`false`: publish only"),
  CONSUMER_BATCH_SIZE: setting(kinds.integer(1, 100_000), "500", "Most entries a read asks for"),
  CONSUMER_CONCURRENCY: setting(kinds.integer(1, 100_000), "64", "Most handlers running at once"),
  CONSUMER_ORDERING: setting(
    kinds.choice("key", "none"),
    "key",
    "`key`: events with the same `subject` are handled one at a time, in order; `none`: without order",
  ),
  PUBLISH_DEDUP_WINDOW: setting(
    span(0),
    "600000",
    "An event with the same `source` and `id` inside the window is published once; `0` off",
  ),
  PUBLISH_DURABILITY: setting(
    kinds.durability,
    "memory",
    "What a publish waits for: `replica:N` for N replicas, `fsync` for the disk (Redis 7.2 or later)",
  ),
  RETENTION_MAX_LEN: setting(
    kinds.integer(1, Number.MAX_SAFE_INTEGER),
    "1000000",
    "Entries to keep; trimming never removes what a group still needs",
  ),
  RETENTION_MAX_AGE: setting(span(1), "604800000", "Age up to which entries are kept"),
};

const HANDLING = {
  HANDLERS: setting(
    path,
    "./handlers/mod.ts",
    "Module whose exports are handlers and schedules; relative to the working directory",
    { prefixes: ["HANDLER"] },
  ),
  LEASE_MS: setting(
    kinds.timer(1000, 24 * HOUR_MS),
    "10000",
    "A consumer silent for this long may be taken over by another",
  ),
  HANDLER_TIMEOUT: setting(kinds.timer(1), "30000", "Bound on one attempt"),
  MAX_DELIVERIES: setting(kinds.integer(1, 1000), "5", "Attempts that may fail before an entry is dead-lettered"),
  RETRY_BACKOFF: setting(
    kinds.timer(0),
    "1000",
    "Attempt n waits a random time in [½,1]·min(`RETRY_BACKOFF_MAX`, `RETRY_BACKOFF`·2ⁿ⁻¹)",
  ),
  RETRY_BACKOFF_MAX: setting(kinds.timer(0), "60000", "Longest wait; at least `RETRY_BACKOFF`"),
  DEDUP_WINDOW: setting(
    span(0),
    "0",
    "An event with the same `source` and `id` inside the window is handled once; `0` off",
  ),
  TEST_EVENT_INTERVAL: setting(kinds.timer(0), "10000", "Time between scheduled test events; `0` off", {
    prefixes: ["TEST_EVENT"],
  }),
};

const HTTP = {
  API_TOKEN: setting(kinds.token, null, "When set, publishing over HTTP needs `Authorization: Bearer` with it", {
    secret,
    fallbackText: "none: open",
  }),
  ADMIN_TOKEN: setting(kinds.token, null, "For the admin API and the dashboard", {
    secret,
    fallbackText: "made at start in development, else none: off",
  }),
  MAX_BODY_BYTES: setting(kinds.integer(1, 536_870_912, " (bytes)"), "1048576", "Largest request body"),
  TRIGGER_RATE_LIMIT: setting(
    kinds.integer(0, 1_000_000),
    "10",
    "Requests a second for `/trigger-test-event`, and the burst, per process; `0` off",
  ),
  METRICS_ENABLED: setting(kinds.flag, "true", "`GET /metrics`"),
};

const SHUTDOWN = {
  SHUTDOWN_DELAY: setting(
    kinds.timer(0, HOUR_MS),
    "0",
    "Time of being not ready but still serving, so that load balancers notice",
  ),
  SHUTDOWN_TIMEOUT: setting(kinds.timer(0, HOUR_MS), "20000", "Time for handlers in flight"),
};

/** Every setting by name, in the order of the documentation. */
export const SETTINGS = { ...SERVICE, ...REDIS, ...CONNECTION, ...STREAM, ...HANDLING, ...HTTP, ...SHUTDOWN };

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/** Every setting's name. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** Deno's own switch for OpenTelemetry: no setting of ours, but we begin spans only where it is on. */
export const TRACING_NAME = "OTEL_DENO";

/** Every name that is read from the environment, for `--allow-env`. */
export const ENV_NAMES: readonly string[] = [...SETTING_NAMES, TRACING_NAME];

/** The settings in groups, for the documentation. */
export const SECTIONS: readonly { readonly title: string; readonly names: readonly SettingName[] }[] = ([
  ["Service", SERVICE],
  ["Redis", REDIS],
  ["Connection", CONNECTION],
  ["Streams", STREAM],
  ["Handling", HANDLING],
  ["HTTP", HTTP],
  ["Shutdown", SHUTDOWN],
] as const).map(([title, settings]) => ({ title, names: Object.keys(settings) as SettingName[] }));

/** A setting without its types, for what goes through all of them. */
export function settingOf(name: SettingName): Setting<unknown, string | null> {
  return SETTINGS[name];
}

type ValueOf<S> = S extends Setting<infer T, infer D> ? (D extends null ? T | null : T) : never;

/** What every setting was read into; null: unset and without a default of its own. */
export type Values = { readonly [N in SettingName]: ValueOf<(typeof SETTINGS)[N]> };
