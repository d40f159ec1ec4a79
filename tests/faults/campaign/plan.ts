/**
 * What the campaign does, as pure functions of a seed: which events, what each is to do, and which faults when.
 * @module
 */
import { createHash } from "node:crypto";
import type { TopologyKind } from "../../../testing/topology.ts";

/** What an event is to do; a function of its id alone, so that handlers and checker need no agreement. */
export interface EventPlan {
  /** How it must end. */
  readonly end: "effects" | "letter";
  /** Attempts that throw before one succeeds. */
  readonly failures: number;
  /** How long an attempt takes, ms. */
  readonly workMs: number;
  /** Goes on working when it is told to stop, as careless handlers do. */
  readonly deaf: boolean;
  /** Effects that its settling attempt emits. */
  readonly effects: number;
  /** Effects of this type are handled themselves; those of the other type nobody handles. */
  readonly effectType: "effect.loud" | "effect.quiet";
  /** Ordering key. */
  readonly subject: string | null;
  readonly binary: boolean;
}

/** Longest attempt, ms. */
export const MAX_WORK_MS = 700;

/** Subjects in use. Few enough that keys collide within a consumer, many enough that none becomes the bottleneck. */
const SUBJECTS = 300;

/** The plan of an event. @param id Any text. */
export function planOf(id: string): EventPlan {
  const bytes = createHash("sha256").update(`plan ${id}`).digest();
  const at = (index: number): number => bytes.readUInt16BE(index * 2) / 65_536;
  const hopeless = at(0) < 0.02;
  const slow = at(2) < 0.15;
  return {
    end: hopeless ? "letter" : "effects",
    failures: !hopeless && at(1) < 0.06 ? 1 + Math.floor(at(3) * 3) : 0,
    workMs: slow ? 100 + Math.floor(at(4) * (MAX_WORK_MS - 100)) : at(5) < 0.5 ? 0 : Math.floor(at(6) * 12),
    deaf: at(7) < 0.5,
    effects: hopeless ? 0 : at(8) < 0.05 ? 3 : 1,
    effectType: at(9) < 0.125 ? "effect.loud" : "effect.quiet",
    subject: at(10) < 0.6 ? `key-${Math.floor(at(11) * SUBJECTS)}` : null,
    binary: at(12) < 0.1,
  };
}

/** The body of an event: JSON text, or bytes of every value where the plan says binary. */
export function payloadOf(id: string, plan: EventPlan = planOf(id)): Uint8Array {
  const filler = createHash("sha512").update(`body ${id}`).digest();
  if (plan.binary) return new Uint8Array(filler);
  const text = filler.toString("hex").repeat(1 + filler[0]! % 3);
  return new TextEncoder().encode(JSON.stringify({ id, text, nested: { "ünïcode": '\u0000"\\', n: filler[1]! / 7 } }));
}

/** sha256 in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A fault of the broker, or of the links to it. */
export type BrokerFault =
  | { readonly kind: "kill"; readonly downMs: number }
  | { readonly kind: "stop"; readonly stoppedMs: number }
  | { readonly kind: "client_kill"; readonly times: number; readonly everyMs: number }
  /** Present connections fall silent for good; new ones work. */
  | { readonly kind: "half_open"; readonly replicas: readonly number[] }
  /** All connections are silent for a while. `replies`: commands still arrive, their answers do not. */
  | {
    readonly kind: "blackhole";
    readonly replicas: readonly number[];
    readonly direction: "both" | "replies";
    readonly silentMs: number;
  }
  /** Each connection ends after that many bytes of replies. */
  | { readonly kind: "reset"; readonly replicas: readonly number[]; readonly bytes: number; readonly lastsMs: number }
  | { readonly kind: "flap"; readonly replicas: readonly number[]; readonly times: number; readonly everyMs: number }
  /** Who owns the stream is killed, and comes back when another one has taken over. */
  | { readonly kind: "owner_kill" }
  /** The same, stopped: its connections stay open and silent. */
  | { readonly kind: "owner_stop" }
  /** Another one takes over because it is told to. */
  | { readonly kind: "failover" }
  /** The slot moves to another node, with a pause between two keys. */
  | { readonly kind: "migrate"; readonly everyMs: number };

/** A fault of one replica. */
export type WorkerFault =
  | { readonly kind: "kill"; readonly replica: number; readonly afterMs: number; readonly downMs: number }
  /** Longer than the lease: it comes back as a zombie. */
  | { readonly kind: "stop"; readonly replica: number; readonly afterMs: number; readonly pastLeaseMs: number }
  | { readonly kind: "term"; readonly replica: number; readonly afterMs: number; readonly downMs: number };

/** Faults that overlap. The next round begins when everything has recovered. */
export interface Round {
  readonly broker: BrokerFault | null;
  readonly workers: readonly WorkerFault[];
}

/** How large a campaign is. */
export interface CampaignSize {
  readonly events: number;
  readonly replicas: number;
  readonly brokerFaults: number;
  readonly workerFaults: number;
  /** Which faults of the broker there are. Default `single`. */
  readonly topology?: TopologyKind;
}

/** A seeded source of numbers in [0, 1): mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Out of ten: which kinds, as often as they cost little and find much. Dealt like cards, so that each kind occurs. */
const ONE_SERVER = [
  "kill",
  "stop",
  "client_kill",
  "half_open",
  "blackhole",
  "reset",
  "flap",
  "kill",
  "blackhole",
  "half_open",
] as const;
const BROKER_DECKS: Readonly<Record<TopologyKind, readonly BrokerFault["kind"][]>> = {
  single: ONE_SERVER,
  tls: ONE_SERVER,
  sentinel: ["owner_kill", "failover", "client_kill", "owner_stop"],
  cluster: ["migrate", "owner_kill", "failover", "client_kill", "owner_stop"],
};
const WORKER_DECK = ["kill", "stop", "term", "kill"] as const;

/**
 * All rounds of a campaign: a third of the broker faults strike alone, the others together with a worker fault; the
 * worker faults that remain strike one or two at a time. Never every replica at once.
 */
export function scheduleOf(seed: number, size: CampaignSize): readonly Round[] {
  const random = randomFrom(seed);
  const { topology = "single" } = size;
  // What a replica saw is needed to name what a failover lost: where there can be one, nobody dies at the same time.
  const alone = topology === "sentinel" || topology === "cluster";
  const kinds = deal(BROKER_DECKS[topology], size.brokerFaults, random);
  const brokers = kinds.map((kind) => brokerFault(kind, size.replicas, random));
  const workers = deal(WORKER_DECK, size.workerFaults, random);
  const rounds: Round[] = brokers.map((broker, index) => {
    const kind = alone || index % 3 === 0 ? undefined : workers.pop();
    return { broker, workers: kind === undefined ? [] : [workerFault(kind, pick(size.replicas, random), random)] };
  });
  while (workers.length > 0) {
    const together = size.replicas >= 3 && random() < 0.75 ? 2 : 1;
    const kinds = workers.splice(0, together);
    const targets = shuffled(range(size.replicas), random);
    rounds.push({ broker: null, workers: kinds.map((kind, at) => workerFault(kind, targets[at]!, random)) });
  }
  return shuffled(rounds, random);
}

function brokerFault(kind: BrokerFault["kind"], replicas: number, random: () => number): BrokerFault {
  const some = shuffled(range(replicas), random).slice(0, 1 + pick(replicas, random));
  const ms = (from: number, to: number): number => Math.round(from + random() * (to - from));
  switch (kind) {
    case "kill":
      return { kind, downMs: random() < 0.3 ? 0 : ms(100, 3_000) };
    case "stop":
      return { kind, stoppedMs: ms(500, 4_500) };
    case "client_kill":
      return { kind, times: 1 + pick(30, random), everyMs: ms(5, 120) };
    case "half_open":
      return { kind, replicas: some };
    case "blackhole":
      return { kind, replicas: some, direction: random() < 0.5 ? "both" : "replies", silentMs: ms(300, 5_000) };
    case "reset":
      return { kind, replicas: some, bytes: 1 + pick(3_000, random), lastsMs: ms(300, 1_500) };
    case "flap":
      return { kind, replicas: some, times: 5 + pick(15, random), everyMs: ms(40, 300) };
    case "owner_kill":
    case "owner_stop":
    case "failover":
      return { kind };
    case "migrate":
      return { kind, everyMs: ms(0, 250) };
  }
}

function workerFault(kind: WorkerFault["kind"], replica: number, random: () => number): WorkerFault {
  const ms = (most: number): number => Math.round(random() * most);
  const afterMs = ms(800);
  switch (kind) {
    case "kill":
    case "term":
      return { kind, replica, afterMs, downMs: ms(600) };
    case "stop":
      return { kind, replica, afterMs, pastLeaseMs: 300 + ms(2_700) };
  }
}

/** So many cards from as many shuffled decks as it takes. */
function deal<T>(deck: readonly T[], count: number, random: () => number): T[] {
  const dealt: T[] = [];
  while (dealt.length < count) dealt.push(...shuffled(deck, random).slice(0, count - dealt.length));
  return dealt;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = pick(last + 1, random);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

function pick(below: number, random: () => number): number {
  return Math.floor(random() * below);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
