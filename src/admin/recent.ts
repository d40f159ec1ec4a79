/**
 * The latest errors of this process. Dead letters are not among them: the store keeps those, for every replica.
 * @module
 */
import type { Clock } from "../clock.ts";
import { rfc3339 } from "../events/time.ts";
import type { Happening, Happenings } from "../happenings.ts";
import type { RecentError } from "./shapes.ts";

const KINDS = ["parked", "read_failed", "settle_refused", "loop_failed", "lease_lost", "store_lost"] as const;
const MOST = 50;
const LONGEST = 500;

/** See the module's text. */
export class RecentErrors {
  readonly #clock: Clock;
  /** When they happened, epoch ms, is written out only for whoever asks: there may be thousands a second. */
  readonly #errors: (Omit<RecentError, "time"> & { readonly atMs: number })[] = [];
  readonly #unlisten: () => void;

  /** Listens from now on. */
  constructor(happenings: Happenings, clock: Clock) {
    this.#clock = clock;
    this.#unlisten = happenings.listen((happening) => this.#hear(happening), KINDS);
  }

  /** Latest first. */
  get latest(): readonly RecentError[] {
    return this.#errors.map(({ atMs, ...error }) => ({ time: rfc3339(atMs), ...error })).reverse();
  }

  /** Stops listening. */
  dispose(): void {
    this.#unlisten();
  }

  #hear(happening: Happening): void {
    switch (happening.kind) {
      case "parked":
        return this.#add(happening.kind, happening.stream, happening.entryId, happening.error);
      case "read_failed":
      case "settle_refused":
        return this.#add(happening.kind, happening.stream, null, happening.message);
      case "loop_failed":
        return this.#add(happening.kind, null, null, `${happening.loop}: ${happening.message}`);
      case "lease_lost":
        return this.#add(happening.kind, happening.stream, null, `${happening.consumer} was taken over`);
      case "store_lost":
        return this.#add(happening.kind, happening.stream, null, `${happening.count} entries: ${happening.cause}`);
    }
  }

  #add(kind: string, stream: string | null, entryId: string | null, message: string): void {
    // A fault that lasts must not push out everything else.
    const last = this.#errors.at(-1);
    const text = message.slice(0, LONGEST);
    if (last?.kind === kind && last.message === text) this.#errors.pop();
    this.#errors.push({ atMs: this.#clock.now(), kind, stream, entryId, message: text });
    if (this.#errors.length > MOST) this.#errors.shift();
  }
}
