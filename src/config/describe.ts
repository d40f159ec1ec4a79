/**
 * The configuration in effect, for people.
 * @module
 */
import { formatAddress } from "./address.ts";
import { SETTING_NAMES, type SettingName } from "./table.ts";
import type { Config, RedisTopology } from "./types.ts";

/** One setting in effect. */
export interface ConfigRow {
  readonly name: SettingName;
  /** As one would write it in the environment; `***` for a secret that is set; empty when unset. */
  readonly value: string;
}

/** Every setting with what is in effect, defaults included, in the order of the documentation. Holds no secret. */
export function describeConfig(config: Config): readonly ConfigRow[] {
  const rows = { ...serviceRows(config), ...redisRows(config), ...streamRows(config), ...httpRows(config) };
  return SETTING_NAMES.map((name) => ({ name, value: String(rows[name] ?? "") }));
}

type Shown = string | number | boolean | { toString(): string } | null;
type Rows<Names extends SettingName> = Readonly<Record<Names, Shown>>;
type RedisNames = Extract<
  SettingName,
  `REDIS_${string}` | "CONNECTION_TIMEOUT" | "COMMAND_TIMEOUT" | "RETRY_DELAYS" | "MAX_RETRY_ATTEMPTS"
>;
type HttpNames = Extract<
  SettingName,
  "HOST" | "SERVICE_PORT" | "API_TOKEN" | "ADMIN_TOKEN" | "MAX_BODY_BYTES" | "TRIGGER_RATE_LIMIT" | "METRICS_ENABLED"
>;
type ServiceNames = Extract<
  SettingName,
  | "SERVICE_NAME"
  | "SERVICE_VERSION"
  | "ENVIRONMENT"
  | "TIMEZONE"
  | "HANDLERS"
  | `LOG_${string}`
  | `SHUTDOWN_${string}`
>;
type StreamNames = Exclude<SettingName, RedisNames | HttpNames | ServiceNames>;

function serviceRows({ service, log, handlers, shutdown }: Config): Rows<ServiceNames> {
  return {
    SERVICE_NAME: service.name,
    SERVICE_VERSION: service.version,
    ENVIRONMENT: service.environment,
    LOG_LEVEL: log.level,
    LOG_FORMAT: log.format,
    TIMEZONE: log.timezone,
    HANDLERS: handlers,
    SHUTDOWN_DELAY: shutdown.delayMs,
    SHUTDOWN_TIMEOUT: shutdown.timeoutMs,
  };
}

function redisRows({ redis }: Config): Rows<RedisNames> {
  const { topology, tls } = redis;
  // A lone word before "@" in a URL may be meant as a password.
  const loneUser = redis.user !== null && redis.password === null && redis.passwordFile === null;
  return {
    ...placeRows(topology),
    REDIS_USER: loneUser ? "***" : redis.user,
    REDIS_PW: redis.password,
    REDIS_PW_FILE: redis.passwordFile,
    REDIS_DB: redis.db,
    REDIS_TLS_ENABLED: tls !== null,
    REDIS_TLS_CA_FILE: tls?.caFile ?? null,
    REDIS_TLS_CERT_FILE: tls?.certFile ?? null,
    REDIS_TLS_KEY_FILE: tls?.keyFile ?? null,
    REDIS_TLS_SERVERNAME: tls?.servername ?? null,
    CONNECTION_TIMEOUT: redis.connectionTimeoutMs,
    COMMAND_TIMEOUT: redis.commandTimeoutMs,
    RETRY_DELAYS: redis.retryDelaysMs.join(","),
    MAX_RETRY_ATTEMPTS: redis.maxRetryAttempts,
  };
}

type PlaceNames = Extract<
  RedisNames,
  | "REDIS_URL"
  | "REDIS_HOST"
  | "REDIS_PORT"
  | "REDIS_SENTINELS"
  | "REDIS_SENTINEL_MASTER"
  | "REDIS_CLUSTER_NODES"
  | "REDIS_EMBEDDED_DIR"
>;

/** A URL is shown as the parts that it came to; only a socket has no other name. */
function placeRows(topology: RedisTopology): Rows<PlaceNames> {
  const { kind } = topology;
  return {
    REDIS_URL: kind === "unix" ? `unix://${topology.path}` : null,
    REDIS_HOST: kind === "single" ? topology.address.host : null,
    REDIS_PORT: kind === "single" ? topology.address.port : null,
    REDIS_SENTINELS: kind === "sentinel" ? topology.sentinels.map(formatAddress).join(",") : null,
    REDIS_SENTINEL_MASTER: kind === "sentinel" ? topology.master : null,
    REDIS_CLUSTER_NODES: kind === "cluster" ? topology.nodes.map(formatAddress).join(",") : null,
    REDIS_EMBEDDED_DIR: kind === "embedded" ? topology.dir : null,
  };
}

function streamRows({ stream }: Config): Rows<StreamNames> {
  const { durability } = stream;
  return {
    STREAM: stream.names.join(","),
    CONSUMER_GROUP: stream.group,
    CONSUMER_NAME: stream.consumerName,
    CONSUMER_ENABLED: stream.consumerEnabled,
    CONSUMER_BATCH_SIZE: stream.batchSize,
    CONSUMER_CONCURRENCY: stream.concurrency,
    CONSUMER_ORDERING: stream.ordering,
    LEASE_MS: stream.leaseMs,
    HANDLER_TIMEOUT: stream.handlerTimeoutMs,
    MAX_DELIVERIES: stream.maxDeliveries,
    RETRY_BACKOFF: stream.retryBackoffMs,
    RETRY_BACKOFF_MAX: stream.retryBackoffMaxMs,
    DEDUP_WINDOW: stream.dedupWindowMs,
    PUBLISH_DEDUP_WINDOW: stream.publishDedupWindowMs,
    PUBLISH_DURABILITY: durability.level === "replica" ? `replica:${durability.replicas}` : durability.level,
    RETENTION_MAX_LEN: stream.retentionMaxLength,
    RETENTION_MAX_AGE: stream.retentionMaxAgeMs,
    TEST_EVENT_INTERVAL: stream.testEventIntervalMs,
  };
}

function httpRows({ http }: Config): Rows<HttpNames> {
  return {
    HOST: http.host,
    SERVICE_PORT: http.port,
    API_TOKEN: http.apiToken,
    ADMIN_TOKEN: http.adminToken,
    MAX_BODY_BYTES: http.maxBodyBytes,
    TRIGGER_RATE_LIMIT: http.triggerRateLimit,
    METRICS_ENABLED: http.metricsEnabled,
  };
}
