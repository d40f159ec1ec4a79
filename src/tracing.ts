/**
 * What traces the way of an event: a narrow port, so that the loops need not know who collects spans. Nothing traces
 * unless it is switched on, and then this costs nothing.
 * @module
 */

/** Of which event a span tells. Ids and type; never its data. */
export interface TracedEvent {
  readonly stream: string;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject?: string | undefined;
}

/** Of which attempt a span tells. */
export interface TracedAttempt {
  readonly group: string;
  readonly entryId: string;
  /** 1 for the first. */
  readonly attempt: number;
}

/** How a traced thing ended. */
export interface SpanEnd {
  /** A word for the outcome, such as `returned` or `threw`. */
  readonly outcome: string;
  /** Set where it failed. */
  readonly error?: string;
}

/** One span. A span that is not ended was never there: it is not exported. */
export interface Span {
  /** W3C traceparent: what follows from this names it as its parent. */
  readonly traceparent: string;
  /** Runs `fn`; spans begun in there, such as those of `fetch`, are children of this one. */
  run<T>(fn: () => T): T;
  /** Ends it. Once. */
  end(end?: SpanEnd): void;
}

/** Begins spans. Never throws. */
export interface Tracing {
  /**
   * An event is being published, alone (`send`) or in a batch (`create`).
   * @param parent W3C traceparent of what it follows from, where there is no span of the same trace around.
   */
  publishing(event: TracedEvent, how: "send" | "create", parent: string | undefined): Span;
  /** A batch is being sent; `events` are the spans of its events. */
  sending(stream: string, events: readonly Span[]): Span;
  /** A handler is about to be called. @param parent W3C traceparent of the event. */
  processing(event: TracedEvent, attempt: TracedAttempt, parent: string): Span;
  /** Names the span of the HTTP request under way by its route. */
  request(method: string, route: string): void;
  /** W3C traceparent of the span under way; undefined where there is none. */
  current(): string | undefined;
}
