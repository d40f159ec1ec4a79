/**
 * Takes over what dead consumers held.
 * @module
 */
import type { Clock, Random } from "../clock.ts";
import { chooseTakeOvers, nextCheckInMs } from "../delivery/reclaim.ts";
import type { Happenings } from "../happenings.ts";
import type { Peer, StreamStore, TakeOver } from "../store/port.ts";
import type { BeatNews } from "./beat_news.ts";
import type { StreamConsumer } from "./consumer.ts";
import type { Judgement } from "./judgement.ts";
import { Loop } from "./loop.ts";
import type { Membership } from "./membership.ts";

/** What a reaper is made of. */
export interface ReaperOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly happenings: Happenings;
  readonly membership: Membership;
  readonly consumer: StreamConsumer;
  readonly judgement: Judgement;
  readonly leaseMs: number;
  readonly beatNews: BeatNews;
}

/** Shortest and longest time between two looks, ms. */
const MIN_CHECK_MS = 200;
/** So seldom where the beats tell that nobody else is there who could die: they tell of whoever comes. */
const SELDOM_MS = 60_000;
/** Most entries claimed in one step: a script this long takes Redis a few milliseconds. */
const CLAIM_LIMIT = 200;

/** Makes the loop. */
export function reaperLoop(options: ReaperOptions): Loop {
  const { store, clock, random, happenings, membership, consumer, judgement, leaseMs, beatNews } = options;
  /** It has been left to the beats to tell of others. */
  let resting = false;
  const takeOver = async (dead: string, most: number): Promise<"more" | "done"> => {
    const name = membership.name;
    const limit = Math.min(CLAIM_LIMIT, consumer.room, most);
    const giveBack = consumer.reserve(limit);
    let taken: TakeOver;
    try {
      taken = await store.takeOver(name, dead, leaseMs, limit, !membership.isFormer(dead));
    } finally {
      giveBack();
    }
    if (taken.state === "fenced") consumer.fenced(name);
    if (taken.state === "fenced" || taken.state === "alive") return "done";
    if (taken.lost > 0) {
      happenings.emit({ kind: "store_lost", stream: store.stream, cause: "deleted", count: taken.lost });
    }
    happenings.emit({ kind: "taken_over", stream: store.stream, from: dead, count: taken.deliveries.length });
    if (name === membership.name) await consumer.accept(taken.deliveries);
    return taken.remaining > 0 ? "more" : "done";
  };
  const step = async (): Promise<number> => {
    resting = false;
    if (!membership.joined) return MIN_CHECK_MS;
    const waitMs = judgement.waitMs();
    const peers = await store.peers(membership.name);
    const dead = chooseTakeOvers(peers, {
      leaseMs,
      room: consumer.room,
      judgeAllowed: waitMs === 0,
      isFormer: (name) => membership.isFormer(name),
      random,
    });
    // What cannot start here at present is better left to those who can start it.
    const most = (): number => peers.some(({ state }) => state === "alive") ? consumer.appetite : Infinity;
    const full = (): boolean => consumer.room === 0 || most() === 0;
    let more = dead.length > 0 && full();
    for (const name of dead) {
      if (full()) break;
      more = (await takeOver(name, most())) === "more" || more;
    }
    if (more) return MIN_CHECK_MS;
    if (waitMs > 0) return Math.max(MIN_CHECK_MS, waitMs);
    resting = dead.length === 0 && peers.every(isHarmless) && beatNews.latest?.alone === true;
    return resting ? SELDOM_MS : nextCheckInMs(peers, { leaseMs, minMs: MIN_CHECK_MS, maxMs: leaseMs });
  };
  const loop = new Loop({ name: `reaper:${store.stream}`, clock, random, happenings, step });
  beatNews.listen((news) => {
    if (resting && !news?.alone) loop.wake();
  });
  return loop;
}

/** Of another client library, and holds nothing. */
function isHarmless({ state, pending }: Peer): boolean {
  return state === "foreign" && pending === 0;
}
