/**
 * The event: CloudEvents 1.0, as handlers see it.
 * @module
 */

/** An event as a publisher gives it. What is absent (or undefined) is filled in where the service publishes. */
export interface EventInit {
  /** Unique for its `source`. Default: a UUID. 1 to 1024 characters. */
  readonly id?: string | undefined;
  /** What happened, `order.placed`. 1 to 256 characters. */
  readonly type: string;
  /** Who says so. Default: the service's name. */
  readonly source?: string | undefined;
  /** What it is about, and the ordering key. */
  readonly subject?: string | undefined;
  /** When it happened, RFC 3339. Default: now. */
  readonly time?: string | undefined;
  /** Media type of `data`. Default: `application/json`. */
  readonly datacontenttype?: string | undefined;
  /** The body. JSON for JSON content types, `Uint8Array` or string for others. */
  readonly data?: unknown;
  /** CloudEvents extension attributes: lower-case letters and digits. `traceparent` and `correlationid` are two of them. */
  readonly extensions?: Readonly<Record<string, string>> | undefined;
}

/** Where an event lies: its stream and the entry id that Redis gave it. */
export interface EntryRef {
  readonly stream: string;
  readonly id: string;
}

/**
 * An event as its handler sees it.
 * @typeParam T Type of `data`: the schema's output where the handler has one.
 */
export interface Event<T = unknown> {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject?: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly datacontenttype: string;
  /** Known to be what its content type says; JSON is parsed when it is read first, and is the same value each time. */
  readonly data: T;
  readonly extensions: Readonly<Record<string, string>>;
  readonly entry: EntryRef;
}

/**
 * The fields of one stream entry, flat: name, value, name, value …, as bytes, in their original order, repeated names
 * included. Bytes because a stranger's entry need not be UTF-8 and a dead letter must be byte for byte the original.
 */
export type Fields = readonly Uint8Array[];
