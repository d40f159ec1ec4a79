/**
 * Hears how the promises of handlers end, with functions that are made once and used again and again: two closures for
 * each attempt would cost more than waiting does.
 * @module
 */

/** Who wants to know. Exactly one of these is called, once. */
export interface Waiting {
  returned(): void;
  threw(error: unknown): void;
}

// A handler's promise may carry a `then` of its own, which need not keep to "once".
const { then } = Promise.prototype;

/** See the module's text. Keeps as many waits as there were at once. */
export class Waits {
  readonly #free: Wait[] = [];

  /** Tells one when the promise has ended. What is no promise at all has thrown, at once. */
  until(promise: Promise<unknown>, one: Waiting): void {
    const wait = this.#free.pop() ?? new Wait((free) => this.#free.push(free));
    if (wait.begin(promise, one)) return;
    one.threw(new TypeError("the handler returned what pretends to be a promise"));
  }
}

class Wait {
  readonly #release: (wait: Wait) => void;
  #one: Waiting | null = null;

  constructor(release: (wait: Wait) => void) {
    this.#release = release;
  }

  /** @returns False: it is no promise, and nothing will come of it. */
  begin(promise: Promise<unknown>, one: Waiting): boolean {
    this.#one = one;
    try {
      then.call(promise, this.#returned, this.#threw);
      return true;
    } catch {
      this.#one = null;
      return false;
    }
  }

  readonly #returned = (): void => this.#end()?.returned();
  readonly #threw = (error: unknown): void => this.#end()?.threw(error);

  #end(): Waiting | null {
    const one = this.#one;
    this.#one = null;
    this.#release(this);
    return one;
  }
}
