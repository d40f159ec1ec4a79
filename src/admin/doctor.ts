/**
 * Judges a server for our work: what is wrong, what is risky, and what to do about it. Pure.
 * @module
 */
import type { ServerState } from "../store/admin_port.ts";
import type { Durability } from "../store/port.ts";

/** One finding. */
export interface Finding {
  /** `version`, `persistence`, `eviction`, `permissions`, `role`, `replicas`, `clock`, `memory`, `writes`. */
  readonly check: string;
  /** `wrong`: the service does not work, or loses events. `risk`: it may, some day. `unknown`: this user may not ask. */
  readonly status: "ok" | "wrong" | "risk" | "unknown";
  readonly found: string;
  /** What to do; null where all is well. */
  readonly advice: string | null;
}

/** All of them. */
export interface Diagnosis {
  /** Nothing is wrong; risks may be there. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

type Check = (state: ServerState, durability: Durability) => Finding;

const MIN_VERSION = [7, 0] as const;
const FSYNC_VERSION = [7, 2] as const;
const SKEW_RISK_MS = 1_000;
const SKEW_WRONG_MS = 60_000;
const MEMORY_RISK = 0.75;
const MEMORY_WRONG = 0.95;
const MIB = 1_048_576;

/** Judges. @param durability `PUBLISH_DURABILITY`. */
export function diagnose(state: ServerState, durability: Durability): Diagnosis {
  const findings = CHECKS.map((check) => check(state, durability));
  return { ok: findings.every(({ status }) => status !== "wrong"), findings };
}

const CHECKS: readonly Check[] = [version, writes, role, permissions, persistence, eviction, memory, replicas, clock];

function version({ product, version: found, unknown }: ServerState, durability: Durability): Finding {
  const say = finding("version");
  if (found === null) return say("unknown", "the server does not say", "Let the user run INFO");
  const name = `${product === "valkey" ? "Valkey" : "Redis"} ${found}`;
  if (product === "redis" && !reaches(found, MIN_VERSION)) {
    return say("wrong", name, "Use Redis 7.0 or newer, or Valkey");
  }
  if (durability.level === "fsync" && !reaches(found, FSYNC_VERSION)) {
    return say("wrong", name, "PUBLISH_DURABILITY=fsync needs Redis 7.2 or newer (WAITAOF)");
  }
  if (unknown.length > 0) {
    return say("wrong", `${name} without ${unknown.join(", ")}`, "Use a server that has these commands");
  }
  return say("ok", name);
}

function writes({ writeRefused, loading, lastWriteFailed }: ServerState): Finding {
  const say = finding("writes");
  if (loading) return say("wrong", "the server still loads its data", "Wait until it is done");
  if (writeRefused !== null) {
    return say("wrong", `a write was refused: ${writeRefused}`, ADVICE[writeRefused] ?? "See the server's log");
  }
  if (lastWriteFailed) return say("wrong", "the last save to disk failed", "Look for a full or read-only disk");
  return say("ok", "taken");
}

const ADVICE: Readonly<Record<string, string>> = {
  readonly: "Point the service to the primary, or name the sentinels in REDIS_SENTINELS",
  out_of_memory: "Raise maxmemory, or remove what fills it",
  misconf: "Redis cannot save to disk: free the disk, then check `INFO persistence`",
  no_replicas: "Fewer replicas are connected than min-replicas-to-write wants",
  permission: "Give the user the permissions that are listed under `permissions`",
};

function role({ role: found }: ServerState): Finding {
  const say = finding("role");
  if (found === null) return say("unknown", "the server does not say", "Let the user run INFO");
  if (found === "master") return say("ok", "primary");
  return say("wrong", "a replica: it takes no writes", ADVICE["readonly"]!);
}

function permissions({ forbidden }: ServerState): Finding {
  const say = finding("permissions");
  if (forbidden.length === 0) return say("ok", "every command that the service uses");
  const names = forbidden.map((name) => name.toLowerCase().replace(" ", "|"));
  const advice = `ACL SETUSER <user> ${
    names.map((name) => `+${name}`).join(" ")
  }, with the stream's keys among its patterns`;
  return say("wrong", `not allowed: ${forbidden.join(", ")}`, advice);
}

function persistence({ aof, snapshots }: ServerState, durability: Durability): Finding {
  const say = finding("persistence");
  if (aof === null) return say("unknown", "the server does not say", "Let the user run INFO");
  if (aof) return say("ok", "append-only file");
  if (durability.level === "fsync") {
    const advice = "PUBLISH_DURABILITY=fsync needs the append-only file: CONFIG SET appendonly yes, and in redis.conf";
    return say("wrong", "no append-only file", advice);
  }
  if (snapshots === null) {
    return say("risk", "no append-only file; snapshots unknown", "CONFIG SET appendonly yes, and in redis.conf");
  }
  const found = snapshots === ""
    ? "none: a restart loses everything"
    : "snapshots only: a crash loses what came since the last one";
  return say("risk", found, "CONFIG SET appendonly yes, and in redis.conf");
}

/** Also what has a time to live is needed: leases are. */
function eviction({ evictionPolicy: policy, memoryLimit }: ServerState): Finding {
  const say = finding("eviction");
  if (policy === null) return say("unknown", "the server does not say", "Let the user run INFO");
  if (policy === "noeviction") return say("ok", policy);
  const advice = "CONFIG SET maxmemory-policy noeviction, and in redis.conf";
  if (memoryLimit === 0) return say("risk", `${policy}, without effect while maxmemory is 0`, advice);
  return say("wrong", `${policy} may drop streams, leases or dead letters`, advice);
}

function memory({ memoryUsed, memoryLimit }: ServerState): Finding {
  const say = finding("memory");
  if (memoryUsed === null || memoryLimit === null) {
    return say("unknown", "the server does not say", "Let the user run INFO");
  }
  const used = `${(memoryUsed / MIB).toFixed(1)} MiB`;
  if (memoryLimit === 0) return say("ok", `${used} used, no limit set`);
  const share = memoryUsed / memoryLimit;
  const found = `${used} of ${(memoryLimit / MIB).toFixed(1)} MiB used (${Math.round(share * 100)} %)`;
  if (share < MEMORY_RISK) return say("ok", found);
  const advice = "Raise maxmemory, or lower RETENTION_MAX_LEN or RETENTION_MAX_AGE";
  return say(share < MEMORY_WRONG ? "risk" : "wrong", found, advice);
}

function replicas({ replicas: found }: ServerState, durability: Durability): Finding {
  const say = finding("replicas");
  const wanted = durability.level === "replica" ? durability.replicas : 0;
  if (found === null) return say("unknown", "the server does not say", "Let the user run INFO");
  if (found >= wanted) return say("ok", `${found} connected`);
  const advice = `PUBLISH_DURABILITY wants ${wanted}: connect more, or lower it; until then every publish is a 503`;
  return say("wrong", `${found} connected`, advice);
}

function clock({ clockSkewMs, roundTripMs }: ServerState): Finding {
  const say = finding("clock");
  if (clockSkewMs === null) return say("unknown", "the server does not say", "Let the user run TIME");
  const skew = Math.abs(clockSkewMs);
  const found = `${skew} ms ${clockSkewMs < 0 ? "behind" : "ahead of"} this machine (round trip ${
    roundTripMs.toFixed(1)
  } ms)`;
  if (skew <= SKEW_RISK_MS + roundTripMs) return say("ok", found);
  const advice = "Set both clocks by NTP: schedules and delays go by the clock of Redis, ages of events by both";
  return say(skew <= SKEW_WRONG_MS ? "risk" : "wrong", found, advice);
}

function finding(check: string): (status: Finding["status"], found: string, advice?: string) => Finding {
  return (status, found, advice) => ({ check, status, found, advice: advice ?? null });
}

function reaches(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}
