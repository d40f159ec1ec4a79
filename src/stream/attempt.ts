/**
 * One attempt: decode, check, call the handler, and say how it ended. Never throws, never hangs past its bound.
 * @module
 */
import { clipError } from "../delivery/settle.ts";
import { ServiceError } from "../errors.ts";
import type { Event, EventInit } from "../events/event.ts";
import { traceOr } from "../events/trace_context.ts";
import type { Handler, HandlerContext, HandlerLogger } from "../handling/define.ts";
import { HandlerTimeoutError, type RetryAfterError } from "../handling/errors.ts";
import type { Inherited, Prepared } from "./publisher.ts";
import type { Span } from "../tracing.ts";
import type { Expirable } from "./deadlines.ts";
import type { Waiting, Waits } from "./waits.ts";

/** How an attempt ended. */
export type AttemptOutcome =
  | { readonly kind: "returned"; readonly effects: readonly Prepared[] }
  | { readonly kind: "threw"; readonly error: string }
  | { readonly kind: "timed_out"; readonly error: string }
  | { readonly kind: "non_retryable"; readonly error: string }
  | { readonly kind: "retry_after"; readonly delayMs: number; readonly error: string }
  | { readonly kind: "invalid"; readonly problem: string }
  | { readonly kind: "cut_off" };

/** What an attempt asks of whoever runs it. */
export interface AttemptHost {
  readonly waits: Waits;
  monotonic(): number;
  /** Makes the handler's logger; asked only if the handler asks for one. */
  logger(event: Event, attempt: number, traceparent: string): HandlerLogger;
  /** Checks and encodes an effect. */
  prepare(init: EventInit, inherited: Inherited): Prepared;
}

/** Whose attempt it is. */
export interface AttemptOwner {
  readonly handler: Handler;
  /** 1 for the first. */
  readonly attemptNumber: number;
  readonly timeoutMs: number;
  readonly owner: AttemptHost;
  /** It has ended. Called once. */
  attemptEnded(attempt: Attempt, outcome: AttemptOutcome): void;
}

/** Most handlers publish nothing. */
const RETURNED: AttemptOutcome = Object.freeze({ kind: "returned", effects: Object.freeze([]) });

/** See the module's text. */
export class Attempt implements Expirable, HandlerContext, Waiting {
  readonly deadlineMs: number;
  deadlineSlot = -1;
  readonly attempt: number;
  readonly startedAt: number;
  readonly #owner: AttemptOwner;
  readonly #event: Event;
  readonly #span: Span | null;
  #effects: Prepared[] | null = null;
  #controller: AbortController | null = null;
  #abortReason: Error | null = null;
  #ended = false;
  #traceparent: string | null = null;
  #log: HandlerLogger | null = null;
  #publish: ((init: EventInit) => void) | null = null;

  /** @param span Null: nothing traces. */
  constructor(owner: AttemptOwner, event: Event, span: Span | null) {
    this.#owner = owner;
    this.#event = event;
    this.#span = span;
    this.attempt = owner.attemptNumber;
    this.startedAt = owner.owner.monotonic();
    this.deadlineMs = this.startedAt + owner.timeoutMs;
  }

  /** The span that it works in. */
  get span(): Span | null {
    return this.#span;
  }

  /** {@link HandlerContext.signal}: made when first asked for, since most handlers never ask. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** {@link HandlerContext.log} */
  get log(): HandlerLogger {
    return this.#log ??= this.#owner.owner.logger(this.#event, this.attempt, this.#trace);
  }

  /** {@link HandlerContext.publish}: may be taken out of the context, so that it is made when first asked for. */
  get publish(): (init: EventInit) => void {
    return this.#publish ??= (init) => this.#add(init);
  }

  /** Runs the handler; its owner is told how it ended, once. Call once. */
  run(): void {
    const { handler, owner: { waits } } = this.#owner;
    let ending: Promise<unknown>;
    try {
      // Called from here and not from a function further down: an error costs more, the deeper its stack is.
      ending = handler.schema ? this.#checked(handler.schema) : promised(handler.handle(this.#event, this));
    } catch (error) {
      ending = Promise.reject(error);
    }
    waits.until(ending, this);
  }

  /** {@link Waiting.returned} */
  returned(): void {
    this.#end(this.#effects === null ? RETURNED : { kind: "returned", effects: this.#effects });
  }

  /** {@link Waiting.threw}: what the handler does after the end is nobody's business but the log's. */
  threw(error: unknown): void {
    this.#end(error instanceof DataInvalid ? { kind: "invalid", problem: error.message } : outcomeOf(error));
  }

  /** The bound has passed. */
  expire(): void {
    const error = new HandlerTimeoutError(this.#owner.timeoutMs);
    this.abort(error);
    this.#end({ kind: "timed_out", error: error.message });
  }

  /** Aborts `ctx.signal`; the attempt goes on until the handler ends or {@link cutOff}. */
  abort(reason: Error): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(reason);
  }

  /** Ends the attempt without a result: it counts as none. */
  cutOff(reason: Error): void {
    this.abort(reason);
    this.#end({ kind: "cut_off" });
  }

  #add(init: EventInit): void {
    if (this.#ended) {
      throw new ServiceError(
        "context_closed",
        "Cannot publish: the attempt has ended, want a call before the handler ends",
      );
    }
    const { extensions, id } = this.#event;
    (this.#effects ??= []).push(this.#owner.owner.prepare(init, {
      // What follows from an event that carries no correlation id is correlated by the event itself.
      correlationId: extensions["correlationid"] ?? id,
      traceparent: this.#trace,
    }));
  }

  /** What the attempt works under: its span, else the trace of its event, else a new one. */
  get #trace(): string {
    return this.#traceparent ??= this.#span?.traceparent ?? traceOr(this.#event.extensions["traceparent"]);
  }

  /** The handler is not called where the data does not fit. */
  async #checked(schema: NonNullable<Handler["schema"]>): Promise<void> {
    const event = this.#event;
    const checked = await schema["~standard"].validate(event.data);
    if (checked.issues) throw new DataInvalid(describeIssues(checked.issues));
    await this.#owner.handler.handle(checked.value === event.data ? event : { ...event, data: checked.value }, this);
  }

  #end(outcome: AttemptOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    // A handler that was told to stop and throws has not failed: whatever it throws is an echo of the abort.
    const echo = this.#abortReason !== null && !(this.#abortReason instanceof HandlerTimeoutError) &&
      outcome.kind !== "returned";
    this.#owner.attemptEnded(this, echo ? { kind: "cut_off" } : outcome);
  }
}

/** The data does not fit the schema; known to nobody outside, so that no handler can throw it. */
class DataInvalid extends Error {}

/** The handler's own promise, where it gives one: another around it would cost as much as a short handler. */
function promised(result: unknown): Promise<unknown> {
  return result instanceof Promise ? result : Promise.resolve(result);
}

type Issues = readonly {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
}[];

function describeIssues(issues: Issues): string {
  const lines = issues.slice(0, 10).map(({ message, path }) => {
    const where = (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
    return where === "" ? message : `${where}: ${message}`;
  });
  const more = issues.length > 10 ? `; and ${issues.length - 10} more` : "";
  return `data does not fit the schema: ${lines.join("; ")}${more}`.slice(0, 2_000);
}

function outcomeOf(error: unknown): AttemptOutcome {
  const text = describeError(error);
  // By code: a handler may bring another copy of these classes.
  if (codeOf(error) === "retry_after") {
    return { kind: "retry_after", delayMs: Number((error as RetryAfterError).delayMs), error: text };
  }
  if (codeOf(error) === "non_retryable") return { kind: "non_retryable", error: text };
  return { kind: "threw", error: text };
}

function codeOf(error: unknown): unknown {
  try {
    return error instanceof Error && "code" in error ? error.code : undefined;
  } catch {
    return undefined;
  }
}

/** Text of anything that can be thrown, a frozen or hostile object included; at most 2,000 characters. */
export function describeError(error: unknown): string {
  try {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
    // Not merely sliced: a slice keeps the whole alive, and texts of failures are kept for long, of many entries.
    return clipError(text);
  } catch {
    return "thrown: a value that cannot be turned into text";
  }
}
