/**
 * Names of all keys of one stream and group. All share the stream's hash tag, so that scripts work in a cluster.
 *
 * The stream's own name must hold no braces, or its slot in a cluster differs from that of `{stream}:…`; the
 * configuration takes none.
 * @module
 */
import { createHash } from "node:crypto";

/** The lease key's time to live when it was just renewed. Long, so that a lease that ran out can still be renewed. */
export const LEASE_HORIZON_MS = 604_800_000;

/** Who owns parked entries in the pending list. */
export const PARKED_CONSUMER = "@parked";

/** See the module's text. */
export interface Keys {
  readonly stream: string;
  /** `{stream}:` */
  readonly base: string;
  /** `{stream}:group:` */
  readonly prefix: string;
  /** Dead letters, a stream. */
  readonly letters: string;
  /** Letters given back, a stream with this group alone. */
  readonly replays: string;
  /** Hash: failure records by ref. */
  readonly records: string;
  /** Hash: epoch ms of the latest occurrence by schedule. */
  readonly schedules: string;
  /** String: epoch ms since when the whole group is paused; absent while it is not. */
  readonly paused: string;
  /** Effects on their way to a stream on another node, a stream. */
  readonly outbox: string;
  /** Written to see whether writes are taken. */
  readonly probe: string;
  /**
   * Never written. Scripts declare it beside the stream: while a cluster moves the slot to another node, a key that is
   * not there makes the node refuse the whole script (`TRYAGAIN`), where it would else run and break off half way, at the
   * first key that has gone already.
   */
  readonly absent: string;
  /** String with a TTL: the consumer is registered. Its value is the lease in ms. */
  lease(consumer: string): string;
  /**
   * String, there as long as the lease key is, and never written in between: what acknowledgements watch. No time to
   * live: with it would end the watch of a process that runs for long.
   */
  fence(consumer: string): string;
  /** String: this dedup key was handled. Keys of strangers are hashed: they can be long and hold anything. */
  done(dedupKey: string): string;
}

/** @param stream Stream name. @param group Group name. */
export function keysOf(stream: string, group: string): Keys {
  const base = baseOf(stream);
  const prefix = `${base}${group}:`;
  return {
    stream,
    base,
    prefix,
    letters: `${prefix}dlq`,
    replays: `${prefix}replay`,
    records: `${prefix}records`,
    schedules: `${prefix}schedules`,
    paused: `${prefix}paused`,
    outbox: `${prefix}outbox`,
    probe: `${base}probe`,
    absent: `${base}absent`,
    lease: (consumer) => `${prefix}lease:${consumer}`,
    fence: (consumer) => `${prefix}fence:${consumer}`,
    done: (dedupKey) => `${prefix}done:${digest(dedupKey)}`,
  };
}

/** `{stream}:`, what keys begin with that all groups of a stream share. */
export function baseOf(stream: string): string {
  return `{${stream}}:`;
}

/** Longest key of an event that is written as it is. */
const PLAIN_MARK = 128;

/**
 * What marks an event as published, in a hash (see published.lua). Source and id are short as a rule and hold no secret;
 * hashing them took longer than all else that an event of a batch needs to be marked.
 */
export function eventMark(key: string): string {
  return key.length > 0 && key.length <= PLAIN_MARK ? key : digest(`event\0${key}`);
}

/** Key that marks a whole batch as published. */
export function batchMark(base: string, key: string): string {
  return `${base}pub:${digest(`batch\0${key}`)}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
