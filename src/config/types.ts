/**
 * The checked configuration. Made once, by `parseConfig`, and frozen; nothing else reads the environment.
 * @module
 */

/** A string that must not appear in any output. Prints as `***` wherever it is turned into text. */
export class Secret {
  readonly #value: string;
  /** @param value The secret itself. */
  constructor(value: string) {
    this.#value = value;
  }
  /** The secret itself: only where it is used. */
  reveal(): string {
    return this.#value;
  }
  /** `***` */
  toString(): string {
    return "***";
  }
  /** `***` */
  toJSON(): string {
    return "***";
  }
  /** `***` */
  [Symbol.for("Deno.customInspect")](): string {
    return "***";
  }
}

/** One `host:port`. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is. */
export type RedisTopology =
  | { readonly kind: "embedded"; readonly dir: string }
  | { readonly kind: "single"; readonly address: Address }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "sentinel"; readonly sentinels: readonly Address[]; readonly master: string }
  | { readonly kind: "cluster"; readonly nodes: readonly Address[] };

/** TLS, null when off. Verification is always on. */
export interface TlsConfig {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly servername: string | null;
}

/** How to reach Redis. Durations in ms. */
export interface RedisConfig {
  readonly topology: RedisTopology;
  readonly user: string | null;
  readonly password: Secret | null;
  /** Read again on every connect; wins over `password`. */
  readonly passwordFile: string | null;
  readonly db: number;
  readonly tls: TlsConfig | null;
  readonly connectionTimeoutMs: number;
  readonly commandTimeoutMs: number;
  /** At least one; the last repeats. */
  readonly retryDelaysMs: readonly number[];
  /** 0: never gives up. */
  readonly maxRetryAttempts: number;
}

/** Everything. */
export interface Config {
  readonly service: {
    readonly name: string;
    readonly version: string;
    readonly environment: string;
    readonly development: boolean;
  };
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly maxBodyBytes: number;
    readonly triggerRateLimit: number;
    readonly apiToken: Secret | null;
    readonly adminToken: Secret | null;
    /** Made at start, in development, and shown in the log. */
    readonly adminTokenMinted: boolean;
    readonly metricsEnabled: boolean;
  };
  readonly log: {
    readonly level: "DEBUG" | "INFO" | "WARN" | "ERROR";
    readonly format: "text" | "json";
    readonly timezone: string;
  };
  readonly redis: RedisConfig;
  readonly stream: {
    /** At least one; the first is where the service publishes. */
    readonly names: readonly string[];
    readonly group: string;
    /** Without the suffix that each start adds. */
    readonly consumerName: string;
    readonly consumerEnabled: boolean;
    readonly batchSize: number;
    readonly concurrency: number;
    readonly ordering: "key" | "none";
    readonly leaseMs: number;
    readonly handlerTimeoutMs: number;
    readonly maxDeliveries: number;
    readonly retryBackoffMs: number;
    readonly retryBackoffMaxMs: number;
    readonly dedupWindowMs: number;
    readonly publishDedupWindowMs: number;
    readonly retentionMaxLength: number;
    readonly retentionMaxAgeMs: number;
    readonly durability: { readonly level: "memory" } | { readonly level: "replica"; readonly replicas: number } | {
      readonly level: "fsync";
    };
    readonly testEventIntervalMs: number;
  };
  /** Module specifier or path, as given. */
  readonly handlers: string;
  readonly shutdown: { readonly delayMs: number; readonly timeoutMs: number };
}

/** A problem with one setting; `name` got `got`, `want` is wanted. `got` is already free of secrets. */
export interface ConfigProblem {
  readonly name: string;
  readonly got: string;
  readonly want: string;
}

/** What parsing gives besides the Config. */
export interface ParsedConfig {
  readonly config: Config;
  /** For people: unknown names with one of our prefixes and the nearest known one, and the like. */
  readonly warnings: readonly string[];
  /** Every secret value, for redaction of logs. Includes parts of a `REDIS_URL`. */
  readonly secrets: readonly string[];
}
