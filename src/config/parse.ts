/**
 * Environment → Config, or one error with every problem. Reads nothing but its arguments.
 * @module
 */
import { ConfigError } from "./error.ts";
import { allRight, type Env, type Reading, readSettings } from "./read.ts";
import { redisConfig } from "./redis.ts";
import type { ReadFile } from "./secret_file.ts";
import { type Config, type ParsedConfig, Secret } from "./types.ts";
import { unknownNames } from "./unknown_names.ts";

/** What parsing needs to know besides the environment. */
export interface ConfigContext {
  /** Default of `CONSUMER_NAME`. */
  readonly hostname: string;
  /** Default of `SERVICE_VERSION`. */
  readonly version: string;
  /** Reads a file as text, or throws. Without it, files that settings name are not checked. */
  readonly readFile?: ReadFile;
  /** Makes an admin token. Called at most once: in development, where none is set. */
  readonly mintToken: () => string;
}

const SHORT_TOKEN = 16;

/**
 * Reads and checks the whole environment. An empty value counts as unset.
 *
 * A minted admin token is not among `secrets`: the log shows it, as the link to the dashboard.
 * @param env Names and values; anything that is not a setting is ignored, with a warning where it looks like one.
 * @returns A frozen configuration, warnings for people, and every secret for redaction.
 * @throws {ConfigError} With every problem, free of secrets.
 */
export function parseConfig(env: Env, context: ConfigContext): ParsedConfig {
  const reading = readSettings(env);
  reading.warnings.push(...unknownNames(env));
  checkBackoff(reading);
  const redis = redisConfig(reading, context.readFile);
  if (reading.problems.length > 0) throw new ConfigError(reading.problems);
  const { values } = reading;
  const development = values.ENVIRONMENT === "development";
  if (!development) warnOfShortTokens(reading);
  const config: Config = {
    service: {
      name: values.SERVICE_NAME,
      version: values.SERVICE_VERSION ?? context.version,
      environment: values.ENVIRONMENT,
      development,
    },
    http: httpConfig(reading, development, context.mintToken),
    log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT, timezone: values.TIMEZONE },
    redis,
    stream: streamConfig(reading, context.hostname),
    handlers: values.HANDLERS,
    shutdown: { delayMs: values.SHUTDOWN_DELAY, timeoutMs: values.SHUTDOWN_TIMEOUT },
  };
  return deepFreeze({ config, warnings: reading.warnings, secrets: [...new Set(reading.secrets)] });
}

function httpConfig({ values }: Reading, development: boolean, mintToken: () => string): Config["http"] {
  const adminToken = values.ADMIN_TOKEN ?? (development ? mintToken() : null);
  return {
    host: values.HOST ?? (development ? "127.0.0.1" : "0.0.0.0"),
    port: values.SERVICE_PORT,
    maxBodyBytes: values.MAX_BODY_BYTES,
    triggerRateLimit: values.TRIGGER_RATE_LIMIT,
    apiToken: values.API_TOKEN === null ? null : new Secret(values.API_TOKEN),
    adminToken: adminToken === null ? null : new Secret(adminToken),
    adminTokenMinted: development && values.ADMIN_TOKEN === null,
    metricsEnabled: values.METRICS_ENABLED,
  };
}

function streamConfig({ values }: Reading, hostname: string): Config["stream"] {
  return {
    names: values.STREAM,
    group: values.CONSUMER_GROUP ?? values.SERVICE_NAME,
    consumerName: values.CONSUMER_NAME ?? consumerNameOf(hostname),
    consumerEnabled: values.CONSUMER_ENABLED,
    batchSize: values.CONSUMER_BATCH_SIZE,
    concurrency: values.CONSUMER_CONCURRENCY,
    ordering: values.CONSUMER_ORDERING,
    leaseMs: values.LEASE_MS,
    handlerTimeoutMs: values.HANDLER_TIMEOUT,
    maxDeliveries: values.MAX_DELIVERIES,
    retryBackoffMs: values.RETRY_BACKOFF,
    retryBackoffMaxMs: values.RETRY_BACKOFF_MAX,
    dedupWindowMs: values.DEDUP_WINDOW,
    publishDedupWindowMs: values.PUBLISH_DEDUP_WINDOW,
    retentionMaxLength: values.RETENTION_MAX_LEN,
    retentionMaxAgeMs: values.RETENTION_MAX_AGE,
    durability: values.PUBLISH_DURABILITY,
    testEventIntervalMs: values.TEST_EVENT_INTERVAL,
  };
}

/** A host may have any name; a consumer may not. */
function consumerNameOf(hostname: string): string {
  return hostname.replace(/[\s{}\p{Cc}]/gu, "-").replace(/^@+/, "").slice(0, 256) || "consumer";
}

function checkBackoff(reading: Reading): void {
  const { values, given, problems } = reading;
  if (values.RETRY_BACKOFF_MAX >= values.RETRY_BACKOFF) return;
  if (!allRight(reading, "RETRY_BACKOFF", "RETRY_BACKOFF_MAX")) return;
  const got = `${values.RETRY_BACKOFF_MAX}${given.has("RETRY_BACKOFF_MAX") ? "" : " (the default)"}`;
  problems.push({ name: "RETRY_BACKOFF_MAX", got, want: `at least RETRY_BACKOFF, which is ${values.RETRY_BACKOFF}` });
}

function warnOfShortTokens({ values, warnings }: Reading): void {
  for (const name of ["API_TOKEN", "ADMIN_TOKEN"] as const) {
    const token = values[name];
    if (token !== null && token.length < SHORT_TOKEN) {
      warnings.push(`${name} is shorter than ${SHORT_TOKEN} characters and may be guessed`);
    }
  }
}

/** Freezes plain objects and arrays all the way down; a Secret guards itself. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Secret) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
