/**
 * One attempt: decode, check, call the handler, and say how it ended. Never throws, never hangs past its bound.
 * @module
 */
import { ServiceError } from "../errors.ts";
import type { Event, EventInit } from "../events/event.ts";
import { traceOr } from "../events/trace_context.ts";
import type { Handler, HandlerContext, HandlerLogger } from "../handling/define.ts";
import { HandlerTimeoutError, type RetryAfterError } from "../handling/errors.ts";
import type { Inherited, Prepared } from "./publisher.ts";
import type { Span } from "../tracing.ts";
import type { Expirable } from "./deadlines.ts";

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
  readonly monotonic: () => number;
  /** Makes the handler's logger; asked only if the handler asks for one. */
  logger(event: Event, attempt: number, traceparent: string): HandlerLogger;
  /** Checks and encodes an effect. */
  prepare(init: EventInit, inherited: Inherited): Prepared;
}

/** What an attempt needs. */
export interface AttemptInput {
  readonly event: Event;
  readonly handler: Handler;
  /** 1 for the first. */
  readonly number: number;
  readonly timeoutMs: number;
  readonly host: AttemptHost;
  /** Null: nothing traces. */
  readonly span: Span | null;
}

/** Most handlers publish nothing. */
const NO_EFFECTS: readonly Prepared[] = [];

/** See the module's text. */
export class Attempt implements Expirable, HandlerContext {
  readonly deadlineMs: number;
  deadlineSlot = -1;
  readonly attempt: number;
  readonly startedAt: number;
  readonly #input: AttemptInput;
  #effects: Prepared[] | null = null;
  #controller: AbortController | null = null;
  #abortReason: Error | null = null;
  #ended = false;
  #traceparent: string | null = null;
  #log: HandlerLogger | null = null;
  #publish: ((init: EventInit) => void) | null = null;
  #tell: (outcome: AttemptOutcome) => void = () => {};

  /** @param input See {@link AttemptInput}. */
  constructor(input: AttemptInput) {
    this.#input = input;
    this.attempt = input.number;
    this.startedAt = input.host.monotonic();
    this.deadlineMs = this.startedAt + input.timeoutMs;
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
    const { host, event, number } = this.#input;
    return this.#log ??= host.logger(event, number, this.#trace);
  }

  /** {@link HandlerContext.publish}: may be taken out of the context, so that it is made when first asked for. */
  get publish(): (init: EventInit) => void {
    return this.#publish ??= (init) => this.#add(init);
  }

  /** Runs the handler and tells how it ended, once. Call once. */
  run(tell: (outcome: AttemptOutcome) => void): void {
    this.#tell = tell;
    const { handler, event } = this.#input;
    // What the handler does after the end is nobody's business but the log's.
    const failed = (error: unknown): void => this.#end(outcomeOf(error));
    if (handler.schema) this.#checked(handler.schema).then((outcome) => this.#end(outcome), failed);
    else this.#called(event).then(() => this.#end(this.#returned), failed);
  }

  /** The bound has passed. */
  expire(): void {
    const error = new HandlerTimeoutError(this.#input.timeoutMs);
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
    const { host, event: { extensions, id } } = this.#input;
    (this.#effects ??= []).push(host.prepare(init, {
      // What follows from an event that carries no correlation id is correlated by the event itself.
      correlationId: extensions["correlationid"] ?? id,
      traceparent: this.#trace,
    }));
  }

  /** What the attempt works under: its span, else the trace of its event, else a new one. */
  get #trace(): string {
    const { span, event: { extensions } } = this.#input;
    return this.#traceparent ??= span?.traceparent ?? traceOr(extensions["traceparent"]);
  }

  /** The handler's own promise, where it gives one: another around it would cost as much as a short handler. */
  #called(event: Event): Promise<unknown> {
    try {
      const result = this.#input.handler.handle(event, this);
      return result instanceof Promise ? result : Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The handler is not called where the data does not fit. */
  async #checked(schema: NonNullable<Handler["schema"]>): Promise<AttemptOutcome> {
    const { event } = this.#input;
    const checked = await schema["~standard"].validate(event.data);
    if (checked.issues) return { kind: "invalid", problem: describeIssues(checked.issues) };
    await this.#called(checked.value === event.data ? event : { ...event, data: checked.value });
    return this.#returned;
  }

  get #returned(): AttemptOutcome {
    return { kind: "returned", effects: this.#effects ?? NO_EFFECTS };
  }

  #end(outcome: AttemptOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    // A handler that was told to stop and throws has not failed: whatever it throws is an echo of the abort.
    const echo = this.#abortReason !== null && !(this.#abortReason instanceof HandlerTimeoutError) &&
      outcome.kind !== "returned";
    this.#tell(echo ? { kind: "cut_off" } : outcome);
  }
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
    return text.slice(0, 2_000);
  } catch {
    return "thrown: a value that cannot be turned into text";
  }
}
