/**
 * Effects for a stream on another node of a cluster.
 *
 * No step of Redis spans two slots. So the step that settles an event writes its effects into an outbox that has the slot
 * of the event's own stream, and from there they are relayed: appended over there, then removed here. Whoever relays may
 * die in between, and several may relay at once; the script over there remembers how far it came, so that each effect
 * appears once all the same (the transactional outbox, with an idempotent receiver).
 * @module
 */
import type { Clock } from "../../clock.ts";
import type { Arg, RedisChannel, Reply } from "./channel.ts";
import { list, text } from "./codec.ts";
import { keysOf } from "./keys.ts";
import { runScript } from "./runner.ts";
import type { SCRIPTS } from "./scripts.ts";

/** What an outbox is made of. */
export interface OutboxOptions {
  readonly stream: string;
  readonly group: string;
  /** Where the effects go. */
  readonly target: string;
  /** To the node of the stream. */
  readonly command: RedisChannel;
  /** To the node of the target. */
  readonly relay: RedisChannel;
  /** Told of each entry that was appended there. */
  readonly onRelayed: (entryId: string) => void;
  readonly scripts: Pick<typeof SCRIPTS, "relay">;
  readonly clock: Clock;
}

/** Effects of one turn, and turns of one call. */
const PAGE = 100;
const TURNS = 50;
/** A settling step waits for the relay no longer than this: where the other node is away, the rest must go on, ms. */
const PATIENCE_MS = 100;

/** See the module's text. */
export class Outbox {
  readonly #o: OutboxOptions;
  readonly #key: string;
  #flushing: Promise<boolean> | null = null;
  #again = false;

  /** Does no I/O. @param options See {@link OutboxOptions}. */
  constructor(options: OutboxOptions) {
    this.#o = options;
    this.#key = keysOf(options.stream, options.group).outbox;
  }

  /**
   * Relays what waits. Calls while one is under way are served by one more turn of it. Never rejects: what could not be
   * relayed waits for the next call.
   * @returns False when something may be left.
   */
  flush(): Promise<boolean> {
    this.#again = true;
    return this.#flushing ??= this.#flush();
  }

  /** {@link Outbox.flush} goes on; this ends in a moment. */
  async flushSoon(): Promise<void> {
    const over = Promise.withResolvers<void>();
    const cancel = this.#o.clock.after(PATIENCE_MS, over.resolve);
    await Promise.race([this.flush(), over.promise]);
    cancel();
  }

  async #flush(): Promise<boolean> {
    try {
      for (let turn = 0; turn < TURNS; turn++) {
        this.#again = false;
        if (await this.#turn() < PAGE && !this.#again) return true;
      }
    } catch {
      // Either node is away, or refuses: beats tell the loop that promotes, which calls again within a second.
    } finally {
      // In the same breath as the last look: a call in between would be answered by a flush that looks no more.
      this.#flushing = null;
    }
    return false;
  }

  async #turn(): Promise<number> {
    const { command, relay, target, group, scripts, onRelayed } = this.#o;
    const waiting = list(
      await command.send(["XRANGE", this.#key, "-", "+", "COUNT", String(PAGE)], { bytes: true }),
    );
    if (waiting.length === 0) return 0;
    const { base, prefix, absent } = keysOf(target, group);
    const args: Arg[] = [prefix, group, "", base, this.#key, String(waiting.length), ...waiting.flatMap(itemOf)];
    for (const id of list(await runScript(relay, { script: scripts.relay, keys: [target, absent], args }))) {
      onRelayed(text(id));
    }
    await command.send(["XDEL", this.#key, ...waiting.map((entry) => text(list(entry)[0]))]);
    return waiting.length;
  }
}

/** Id, due time, no mark, number of values, values: as `encodeItem` has it. The due time is the first field's value. */
function itemOf(entry: Reply): readonly Arg[] {
  const [id, fields] = list(entry);
  const [, due, ...values] = list(fields) as readonly Uint8Array[];
  return [text(id), text(due), "", String(values.length), ...values];
}
