/**
 * The Redis adapter of the StreamAdmin port. Its scripts write nothing; each call does a bounded part.
 * @module
 */
import type { Fields } from "../../events/event.ts";
import {
  type Bound,
  type ConsumerFacts,
  type ConsumersPart,
  type GroupFacts,
  type LetterKind,
  type LetterKindsPart,
  MAX_CONSUMERS,
  type RangePart,
  type RangeQuery,
  type StoredEntry,
  type StoredPlace,
  type StreamAdmin,
  type StreamFacts,
} from "../admin_port.ts";
import type { Peer } from "../port.ts";
import type { RedisChannel, Reply } from "./channel.ts";
import { list, number, replies, text, textOrNull } from "./codec.ts";
import { type CallContext, callGroup } from "./context.ts";
import { keysOf } from "./keys.ts";
import * as leases from "./leases.ts";
import adminFacts from "./scripts/admin_facts.lua" with { type: "text" };
import adminKinds from "./scripts/admin_kinds.lua" with { type: "text" };
import adminRange from "./scripts/admin_range.lua" with { type: "text" };
import adminWhere from "./scripts/admin_where.lua" with { type: "text" };
import { compileScript, SCRIPTS } from "./scripts.ts";
import { placeOf } from "./whereabouts.ts";

const FACTS = compileScript("admin_facts", adminFacts);
const RANGE = compileScript("admin_range", adminRange);
const KINDS = compileScript("admin_kinds", adminKinds);
const WHERE = compileScript("admin_where", adminWhere);

/** Calls of one search for a dead letter, of 1,000 letters each. */
const WHERE_CALLS = 20;

/** What the adapter is built from. */
export interface RedisStreamAdminOptions {
  readonly stream: string;
  readonly group: string;
  readonly command: RedisChannel;
}

/** See {@link StreamAdmin}. */
export class RedisStreamAdmin implements StreamAdmin {
  /** @inheritdoc */
  readonly stream: string;
  /** @inheritdoc */
  readonly group: string;
  readonly #context: CallContext;

  /** Does no I/O. */
  constructor({ stream, group, command }: RedisStreamAdminOptions) {
    this.stream = stream;
    this.group = group;
    this.#context = { stream, group, command, keys: keysOf(stream, group), scripts: SCRIPTS };
  }

  /** @inheritdoc */
  async facts({ consumers = true }: { readonly consumers?: boolean } = {}): Promise<StreamFacts> {
    const reply = await callGroup(this.#context, FACTS, "", [this.#context.keys.base]);
    const [now, groups, due, paused] = list(reply);
    const nowMs = number(now);
    const peers = consumers ? await leases.peers(this.#context, "") : [];
    return {
      nowMs,
      groups: list(groups).map(groupOf),
      consumers: await this.#consumers(peers.slice(0, MAX_CONSUMERS), nowMs),
      due: number(due),
      pausedSinceMs: sinceOf(paused),
    };
  }

  /** @inheritdoc */
  async consumers(from: number, count: number): Promise<ConsumersPart> {
    const peers = [...await leases.peers(this.#context, "")].sort(byLoad);
    const consumers = await this.#consumers(peers.slice(from, from + count), await this.#now());
    return { consumers, total: peers.length };
  }

  /** @inheritdoc */
  async where(entryId: string): Promise<StoredPlace | null> {
    let [replays, letters] = ["", ""];
    for (let call = 1;; call++) {
      const reply = await callGroup(this.#context, WHERE, "", [entryId, replays, letters], { bytes: true });
      const [state, letter, moreReplays, moreLetters] = list(reply);
      [replays, letters] = [text(moreReplays), text(moreLetters)];
      const searched = replays === "end" && letters === "end";
      const found = letter === null || letter === undefined ? null : entryOf(letter);
      if (!searched && found === null && call < WHERE_CALLS) continue;
      return placeOf(list(state), found, searched, await this.#now());
    }
  }

  /** @inheritdoc */
  async range(query: RangeQuery): Promise<RangePart> {
    const [rows, last] = list(await callGroup(this.#context, RANGE, "", rangeArgs(query), { bytes: true }));
    return { entries: list(rows).map(entryOf), scannedTo: text(last) || null };
  }

  /** @inheritdoc */
  async letterKinds(query: Omit<RangeQuery, "of" | "limit" | "newestFirst">): Promise<LetterKindsPart> {
    const args = rangeArgs({ ...query, of: "letters", newestFirst: true, limit: 1 });
    const [rows, scanned, last] = list(await callGroup(this.#context, KINDS, "", args, { bytes: true }));
    return { kinds: list(rows).map(kindOf), scanned: number(scanned), scannedTo: text(last) || null };
  }

  /** @inheritdoc */
  async deleteLetter(letterId: string): Promise<boolean> {
    const { command, keys } = this.#context;
    return number(await command.send(["XDEL", keys.letters, letterId])) === 1;
  }

  /** @inheritdoc */
  async setPaused(paused: boolean): Promise<void> {
    const { command, keys } = this.#context;
    // A pause that lasts keeps the time at which it began.
    if (paused) await command.send(["SET", keys.paused, String(await this.#now()), "NX"]);
    else await command.send(["DEL", keys.paused]);
  }

  /** @inheritdoc */
  async pausedSince(): Promise<number | null> {
    const { command, keys } = this.#context;
    return sinceOf(await command.send(["GET", keys.paused]));
  }

  async #now(): Promise<number> {
    const [seconds, micros] = list(await this.#context.command.send(["TIME"]));
    return number(seconds) * 1_000 + Math.floor(number(micros) / 1_000);
  }

  /** What the first entry of each says, in one write. */
  async #consumers(peers: readonly Peer[], nowMs: number): Promise<readonly ConsumerFacts[]> {
    const { stream, group, keys, command } = this.#context;
    const commands = peers.flatMap(({ consumer }) => [
      ["XPENDING", stream, group, "-", "+", "1", consumer],
      ["ZCARD", `${keys.prefix}parked:${consumer}`],
    ]);
    if (commands.length === 0) return [];
    const answers = await command.pipeline(commands);
    // A stream that was deleted meanwhile has no such rows; anything else is an error.
    const found = replies(
      answers.map((answer) => answer instanceof Error && answer.reason === "no_group" ? [] : answer),
    );
    return peers.map((peer, index) => {
      const row = list(list(found[2 * index])[0]);
      const holdsSinceMs = row.length === 0 ? null : nowMs - number(row[2]);
      return { ...peer, parked: number(found[2 * index + 1]), holdsSinceMs };
    });
  }
}

/** What `filter.lua` and the scripts with it are given. */
function rangeArgs({ of, from, to, newestFirst, limit, type, reason, match }: RangeQuery): string[] {
  const { id, subject, trace, error, text } = match ?? {};
  const filter = [type, reason, id, subject, trace, error, text].map((value) => value ?? "");
  return [of, newestFirst ? "down" : "up", boundOf(from, "-"), boundOf(to, "+"), String(limit), ...filter];
}

function byLoad(a: Peer, b: Peer): number {
  return b.pending - a.pending || (a.consumer < b.consumer ? -1 : 1);
}

function kindOf(row: Reply): LetterKind {
  const [type, reason, error, count, newest, oldest] = list(row);
  return {
    type: text(type) || null,
    reason: text(reason),
    error: text(error),
    count: number(count),
    newest: text(newest),
    oldest: text(oldest),
  };
}

function boundOf(bound: Bound | undefined, open: "-" | "+"): string {
  if (bound === undefined) return open;
  return bound.exclusive ? `(${bound.id}` : bound.id;
}

function entryOf(row: Reply): StoredEntry {
  const [id, fields] = list(row);
  return { id: text(id), fields: list(fields) as Fields };
}

function groupOf(row: Reply): GroupFacts {
  const [name, consumers, pending, lastDelivered, lag, needs] = list(row);
  return {
    name: text(name),
    consumers: number(consumers),
    pending: number(pending),
    lastDelivered: text(lastDelivered),
    lag: number(lag) < 0 ? null : number(lag),
    needs: text(needs),
  };
}

/** Whatever the key holds, the group is paused while it is there. */
function sinceOf(reply: Reply | undefined): number | null {
  return textOrNull(reply) === null ? null : number(reply);
}
