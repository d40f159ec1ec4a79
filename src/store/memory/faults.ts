/**
 * Faults that tests switch on: a store that refuses, and a store that is away.
 * @module
 */
import { type RedisCause, StoreRefusedError, StoreUnavailableError } from "../../errors.ts";

/**
 * What an operation needs of the store.
 *
 * - `answer`: only reads
 * - `change`: writes, and needs no new memory
 * - `room`: writes new data
 */
export type Need = "answer" | "change" | "room";

/** How much is refused: `data`: what needs new memory, as when Redis is out of it; `all`: every write. */
export type RefusalScope = "data" | "all";

/** The faults of one broker; none at first. */
export class Faults {
  #refusal: { readonly cause: RedisCause; readonly scope: RefusalScope } | null = null;
  #offline = false;

  /** @param cause Null: takes writes again. */
  refuse(cause: RedisCause | null, scope: RefusalScope): void {
    this.#refusal = cause === null ? null : { cause, scope };
  }

  /** True: nothing answers. */
  set offline(value: boolean) {
    this.#offline = value;
  }

  /** Why new data is refused; null when it is taken. */
  get writeRefused(): RedisCause | null {
    return this.#refusal?.cause ?? null;
  }

  /** Why an operation with this need is refused; null when it is not. */
  refusalOf(need: Need): RedisCause | null {
    if (this.#refusal === null || need === "answer") return null;
    return need === "room" || this.#refusal.scope === "all" ? this.#refusal.cause : null;
  }

  /** @throws {StoreUnavailableError} While the store is away. */
  checkOnline(operation: string): void {
    if (this.#offline) throw this.away(operation);
  }

  /**
   * @throws {StoreUnavailableError} While the store is away.
   * @throws {StoreRefusedError} While it refuses such an operation.
   */
  check(operation: string, need: Need): void {
    this.checkOnline(operation);
    const cause = this.refusalOf(need);
    if (cause !== null) throw new StoreRefusedError(cause, refusedMessage(operation, cause));
  }

  /** The error of an operation that got no answer. */
  away(operation: string): StoreUnavailableError {
    return new StoreUnavailableError("connection", `${operation}: no connection to the store; wanted a live one`);
  }
}

/** Message for a refused operation. */
export function refusedMessage(operation: string, cause: RedisCause): string {
  return `${operation}: the store refuses the write (${cause}); wanted it to take new data`;
}
