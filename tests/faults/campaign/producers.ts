/**
 * Producers: each has a connection of its own straight to Redis, adds one event at a time, and never adds one twice.
 * @module
 */
import { sleep, systemClock } from "../../../src/clock.ts";
import { RawClient, RawReplyError } from "../../../src/store/redis/embedded/raw_client.ts";
import type { ProducerLedger } from "./ledger.ts";
import { payloadOf, planOf, sha256 } from "./plan.ts";
import { NAMES } from "./replica.ts";

/** What producers are made of. */
export interface ProducersOptions {
  /** Port of who takes writes now. */
  readonly port: () => Promise<number>;
  readonly ledger: ProducerLedger;
  /** What ids begin with. */
  readonly prefix: string;
  readonly count: number;
  /** Events a second of all producers together. */
  readonly rate: number;
}

/** What may be caught up after a pause, s. */
const BURST_SECONDS = 1;

/** Wait after a refusal, ms. */
const REFUSED_PAUSE_MS = 100;

/** See the module's text. */
export class Producers {
  readonly #options: ProducersOptions;
  readonly #stopping = new AbortController();
  readonly #work: Promise<unknown>;
  #next = 0;
  #tokens = 0;
  #filledAt = performance.now();
  #hurry = false;
  readonly #clients = new Set<RawClient>();

  /** Starts them. */
  constructor(options: ProducersOptions) {
    this.#options = options;
    this.#work = Promise.all(Array.from({ length: options.count }, () => this.#produce()));
  }

  /** As fast as Redis takes them from now on. */
  hurry(): void {
    this.#hurry = true;
  }

  /**
   * From now on somebody else takes the writes: every connection is made anew. What is under way stays unknown: the old
   * server may still answer that it was written.
   */
  moved(): void {
    for (const client of this.#clients) client.close();
  }

  /** Ends after what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #produce(): Promise<void> {
    const { signal } = this.#stopping;
    let client: RawClient | null = null;
    while (!signal.aborted) {
      if (!this.#takeToken()) {
        await sleep(systemClock, 20, signal);
        continue;
      }
      if (client === null || client.closed) client = await this.#connect();
      if (client === null) await sleep(systemClock, 20, signal);
      else await this.#add(client, `${this.#options.prefix}${this.#next++}`);
    }
    client?.close();
  }

  #takeToken(): boolean {
    if (this.#hurry) return true;
    const now = performance.now();
    const { rate } = this.#options;
    this.#tokens = Math.min(rate * BURST_SECONDS, this.#tokens + (now - this.#filledAt) * rate / 1_000);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  async #connect(): Promise<RawClient | null> {
    try {
      const client = await RawClient.connect({ port: await this.#options.port() }, systemClock, 2_000);
      for (const one of this.#clients) if (one.closed) this.#clients.delete(one);
      this.#clients.add(client);
      return client;
    } catch {
      return null;
    }
  }

  async #add(client: RawClient, id: string): Promise<void> {
    const { ledger } = this.#options;
    const plan = planOf(id);
    const body = payloadOf(id, plan);
    const subject = plan.subject === null ? [] : ["subject", plan.subject];
    const content = plan.binary ? ["datacontenttype", "application/octet-stream"] : [];
    ledger.invoke(id, sha256(body));
    try {
      const fields = ["id", id, "type", "work.item", "source", "campaign", ...subject, ...content, "data", body];
      await client.command(["XADD", NAMES.stream, "*", ...fields]);
      ledger.conclude(id, "ok");
    } catch (error) {
      const refused = error instanceof RawReplyError;
      ledger.conclude(id, refused ? "refused" : "unknown");
      // It loads its data: asking on and on would not help it.
      if (refused) await sleep(systemClock, REFUSED_PAUSE_MS, this.#stopping.signal);
      if (refused && /^(MOVED|READONLY)/.test(error.message)) client.close();
    }
  }
}
