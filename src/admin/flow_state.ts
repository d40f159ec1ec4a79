/**
 * The state of the service in one word, with the reason and what to do, for a person at three in the morning. Pure.
 * @module
 */

/** In one word. */
export type FlowName = "flowing" | "slow" | "stuck" | "paused" | "down";

/** A state and why. */
export interface FlowState {
  readonly name: FlowName;
  /** A sentence. */
  readonly reason: string;
  /** What to do; null: nothing. */
  readonly advice: string | null;
}

/** What is known. */
export interface FlowSigns {
  /** Cause code of why the service is not ready; null when it is. */
  readonly problem: string | null;
  readonly paused: boolean;
  /** Undelivered. */
  readonly lag: number;
  /** Parked or delayed, and their time has come. */
  readonly due: number;
  readonly parked: number;
  readonly pending: number;
  readonly consumers: number;
  /** Finished a second, by everybody, lately; null: not known yet. */
  readonly outRate: number | null;
  readonly inRate: number | null;
  /** For so long something has waited and nothing was finished; 0: all goes on. */
  readonly idleMs: number;
}

/** Waiting for so long with nothing finished is stuck. */
const STUCK_MS = 30_000;
/** A backlog that takes longer than this to work off is slow. */
const SLOW_SECONDS = 60;

const PROBLEMS: Readonly<Record<string, readonly [string, string]>> = {
  starting: ["The service is starting.", "Wait a few seconds."],
  shutting_down: ["This replica is shutting down.", "Another replica, or the next start, takes over."],
  connection: [
    "Redis cannot be reached.",
    "Check that Redis runs and that REDIS_URL names it. It reconnects by itself.",
  ],
  timeout: ["Redis accepts commands and does not answer in time.", "Look at its load, slow log and network."],
  loading: ["Redis is loading its data.", "Wait until it has; it goes on by itself."],
  busy: ["Redis is busy with a script.", "See SLOWLOG and SCRIPT KILL."],
  readonly: ["Redis is a read-only replica.", "A failover may be under way; it looks for the writer by itself."],
  out_of_memory: ["Redis has no memory left and refuses writes.", "Raise maxmemory or remove data."],
  misconf: ["Redis cannot save to disk and refuses writes.", "Free disk space on the machine of Redis."],
  no_replicas: ["Redis has too few replicas and refuses writes.", "Bring its replicas back."],
  cluster_down: ["The Redis cluster is down.", "Check its nodes and slots."],
  auth: ["Redis refuses the credentials.", "Check user and password."],
  permission: [
    "Redis does not allow a command that is needed.",
    "Run `deno task cli doctor`: it names the missing permissions.",
  ],
  no_group: ["The stream or its group is gone.", "It is made again by itself; look who deleted it."],
  max_clients: [
    "Redis takes no further connection.",
    "Raise its maxclients, or see with CLIENT LIST who holds so many.",
  ],
  tls: ["The TLS connection to Redis cannot be made.", "Check its certificates and the REDIS_TLS settings."],
  protocol: ["What answers in the place of Redis does not speak its protocol.", "Check what REDIS_URL leads to."],
  durability_unsupported: [
    "Redis cannot give the durability that is asked for.",
    "PUBLISH_DURABILITY=fsync needs Redis 7.2 and its append-only file.",
  ],
  wrong_type: ["A key that should be a stream holds something else.", "Look what wrote to it."],
};

/** Decides. */
export function flowState(signs: FlowSigns): FlowState {
  const { problem, paused, lag, due } = signs;
  if (problem !== null) return down(problem);
  const waiting = lag + due;
  if (paused) {
    const reason = waiting === 0 ? "The group is paused; nothing waits." : `The group is paused; ${events(waiting)}.`;
    return { name: "paused", reason, advice: "Resume it when you are done." };
  }
  if (waiting > 0 && signs.consumers === 0) {
    return {
      name: "stuck",
      reason: `${cap(events(waiting))}, and no consumer reads.`,
      advice: "Start a replica that consumes.",
    };
  }
  if (waiting > 0 && signs.idleMs >= STUCK_MS) return stuck(signs, waiting);
  return slow(signs) ?? flowing(signs);
}

function down(problem: string): FlowState {
  const [reason, advice] = PROBLEMS[problem] ??
    [`The service is not ready: ${problem}.`, "Run `deno task cli doctor`."];
  return { name: "down", reason, advice };
}

function stuck({ idleMs, pending }: FlowSigns, waiting: number): FlowState {
  const held = pending > 0 ? `; ${number(pending)} held by consumers` : "";
  const reason = `${cap(events(waiting))} and nothing was finished for ${duration(idleMs)}${held}.`;
  return { name: "stuck", reason, advice: "See who holds what, and the latest errors." };
}

function slow({ lag, inRate, outRate }: FlowSigns): FlowState | null {
  if (outRate === null || outRate <= 0 || lag / outRate <= SLOW_SECONDS) return null;
  const behind = `${cap(events(lag))}; at ${number(outRate)} a second that takes ${duration(lag / outRate * 1_000)}.`;
  const growing = inRate !== null && inRate > outRate * 1.05;
  const more = growing ? ` More comes in (${number(inRate)} a second) than goes out.` : "";
  return { name: "slow", reason: behind + more, advice: "Add replicas, or see which handler takes long." };
}

function flowing({ lag, parked, pending, outRate }: FlowSigns): FlowState {
  const retries = parked > 0
    ? ` ${parked === 1 ? "One event waits" : `${number(parked)} events wait`} for a retry.`
    : "";
  const held = pending > 0 ? `; ${number(pending)} held by consumers` : "";
  if (lag === 0) return { name: "flowing", reason: `Nothing waits${held}.${retries}`, advice: null };
  // For less than it takes to be stuck.
  if (outRate === null || outRate <= 0) {
    return { name: "flowing", reason: `${cap(events(lag))}${held}.${retries}`, advice: null };
  }
  const flow = `${lag === 1 ? "flows" : "flow"} at ${number(outRate)} a second`;
  return { name: "flowing", reason: `${cap(events(lag))} and ${flow}.${retries}`, advice: null };
}

function events(count: number): string {
  return count === 1 ? "one event waits" : `${number(count)} events wait`;
}

function cap(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function number(value: number): string {
  const rounded = value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
  return rounded.toLocaleString("en-US");
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
