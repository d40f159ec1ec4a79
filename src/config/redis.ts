/**
 * Second step of reading: the settings of Redis put together.
 * @module
 */
import { allRight, type Reading } from "./read.ts";
import { checkPasswordFile, checkTlsFiles, type ReadFile } from "./secret_file.ts";
import type { SettingName } from "./table.ts";
import { type RedisConfig, type RedisTopology, Secret, type TlsConfig } from "./types.ts";

const SINGLE_PARTS = ["REDIS_HOST", "REDIS_PORT", "REDIS_USER", "REDIS_PW", "REDIS_DB"] as const;
const LOGIN = ["REDIS_USER", "REDIS_PW", "REDIS_PW_FILE"] as const;
const TLS_DETAILS = [
  "REDIS_TLS_CA_FILE",
  "REDIS_TLS_CERT_FILE",
  "REDIS_TLS_KEY_FILE",
  "REDIS_TLS_SERVERNAME",
] as const;

/**
 * Builds the configuration of Redis; adds to the reading's problems, warnings and secrets.
 * @param readFile Without it files are not checked.
 */
export function redisConfig(reading: Reading, readFile: ReadFile | undefined): RedisConfig {
  const { values } = reading;
  const topology = topologyOf(reading);
  checkTopologies(reading);
  if (readFile !== undefined) {
    const password = checkPasswordFile(reading, readFile);
    if (password !== null) reading.secrets.push(password);
    checkTlsFiles(reading, readFile);
  }
  checkTls(reading, topology);
  warnOfIgnored(reading, topology);
  return {
    topology,
    ...loginOf(reading, topology),
    db: databaseOf(reading, topology),
    tls: tlsOf(reading, topology),
    connectionTimeoutMs: values.CONNECTION_TIMEOUT,
    commandTimeoutMs: values.COMMAND_TIMEOUT,
    retryDelaysMs: values.RETRY_DELAYS,
    maxRetryAttempts: values.MAX_RETRY_ATTEMPTS,
  };
}

function topologyOf({ values }: Reading): RedisTopology {
  if (values.REDIS_URL !== null) return values.REDIS_URL.place;
  if (values.REDIS_SENTINELS !== null) {
    return { kind: "sentinel", sentinels: values.REDIS_SENTINELS, master: values.REDIS_SENTINEL_MASTER };
  }
  if (values.REDIS_CLUSTER_NODES !== null) return { kind: "cluster", nodes: values.REDIS_CLUSTER_NODES };
  if (values.REDIS_HOST !== null) {
    return { kind: "single", address: { host: values.REDIS_HOST, port: values.REDIS_PORT } };
  }
  return { kind: "embedded", dir: values.REDIS_EMBEDDED_DIR };
}

function checkTopologies({ given, problems }: Reading): void {
  const place = given.has("REDIS_URL") ? "REDIS_URL" : "REDIS_HOST";
  const chosen = ([place, "REDIS_SENTINELS", "REDIS_CLUSTER_NODES"] as const).filter((name) => given.has(name));
  const [first, ...others] = chosen;
  for (const name of others) {
    problems.push({
      name,
      got: `a value beside ${first}`,
      want: "only one of REDIS_URL or REDIS_HOST, REDIS_SENTINELS, REDIS_CLUSTER_NODES",
    });
  }
}

/** Where a URL is given, its login counts and `REDIS_USER` and `REDIS_PW` do not; a password file wins over both. */
function loginOf(
  { values, warnings }: Reading,
  topology: RedisTopology,
): Pick<RedisConfig, "user" | "password" | "passwordFile"> {
  if (topology.kind === "embedded") return { user: null, password: null, passwordFile: null };
  const url = values.REDIS_URL;
  const user = url === null ? values.REDIS_USER : url.user;
  const password = url === null ? values.REDIS_PW : url.password;
  const passwordFile = values.REDIS_PW_FILE;
  const source = url === null ? "REDIS_USER" : "REDIS_URL";
  if (user !== null && password === null && passwordFile === null) {
    warnings.push(`${source} names a user without a password: a password alone is written :password@ in a URL`);
  }
  if (passwordFile === null) return { user, password: password === null ? null : new Secret(password), passwordFile };
  if (password !== null) warnings.push("REDIS_PW_FILE wins: the password given otherwise is ignored");
  return { user, password: null, passwordFile };
}

function databaseOf(reading: Reading, topology: RedisTopology): number {
  const { values } = reading;
  if (values.REDIS_URL !== null) return values.REDIS_URL.db;
  if (topology.kind === "cluster" && values.REDIS_DB !== 0 && allRight(reading, "REDIS_DB")) {
    reading.problems.push({ name: "REDIS_DB", got: String(values.REDIS_DB), want: "0 beside REDIS_CLUSTER_NODES" });
  }
  return values.REDIS_DB;
}

function usesTls({ values }: Reading, topology: RedisTopology): boolean {
  if (topology.kind === "embedded" || topology.kind === "unix") return false;
  return values.REDIS_TLS_ENABLED || (values.REDIS_URL?.tls ?? false);
}

function tlsOf(reading: Reading, topology: RedisTopology): TlsConfig | null {
  if (!usesTls(reading, topology)) return null;
  const { values } = reading;
  return {
    caFile: values.REDIS_TLS_CA_FILE,
    certFile: values.REDIS_TLS_CERT_FILE,
    keyFile: values.REDIS_TLS_KEY_FILE,
    servername: values.REDIS_TLS_SERVERNAME,
  };
}

function checkTls({ values, given, problems }: Reading, topology: RedisTopology): void {
  const pair = ["REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"] as const;
  const missing = pair.filter((name) => !given.has(name));
  if (missing.length === 1) {
    const [other] = pair.filter((name) => given.has(name));
    problems.push({ name: missing[0] ?? "", got: "nothing", want: `a file, since ${other} is set` });
  }
  if (topology.kind === "unix" && values.REDIS_TLS_ENABLED) {
    problems.push({ name: "REDIS_TLS_ENABLED", got: "true beside a Unix socket", want: "false, or an address" });
  }
}

/** A setting that has no effect is most often a mistake, and silence would hide it. */
function warnOfIgnored(reading: Reading, topology: RedisTopology): void {
  const { values, given, warnings } = reading;
  const warn = (names: readonly SettingName[], why: string): void => {
    const ignored = names.filter((name) => given.has(name));
    if (ignored.length > 0) warnings.push(`${why}: ${ignored.join(", ")} ignored`);
  };
  if (topology.kind === "embedded") {
    const names = ["REDIS_PORT", ...LOGIN, "REDIS_TLS_ENABLED", ...TLS_DETAILS] as const;
    return warn(
      names,
      "Without REDIS_URL, REDIS_HOST, REDIS_SENTINELS or REDIS_CLUSTER_NODES the embedded Redis is used",
    );
  }
  if (given.has("REDIS_URL")) warn(SINGLE_PARTS, "REDIS_URL wins over the single parts");
  else if (topology.kind !== "single") warn(["REDIS_PORT"], "REDIS_PORT counts only beside REDIS_HOST");
  if (topology.kind !== "sentinel") warn(["REDIS_SENTINEL_MASTER"], "There are no REDIS_SENTINELS");
  if (!usesTls(reading, topology)) warn(TLS_DETAILS, "TLS is off");
  if (values.REDIS_URL?.tls && !values.REDIS_TLS_ENABLED) warn(["REDIS_TLS_ENABLED"], "rediss:// turns TLS on");
}
