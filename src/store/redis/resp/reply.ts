/**
 * What replies look like once they are read, and what is no reply.
 * @module
 */
import type { PackedFields } from "../../../events/packed.ts";

/** One reply as it comes; `E` stands for an error reply, also inside arrays. */
export type RespValue<E> = string | Uint8Array | number | null | PackedFields | E | RespValue<E>[];

/** How a reply is to be read. */
export interface ReplyShape<E> {
  /** Bulk strings as bytes rather than as text. */
  readonly bytes: boolean;
  /** Flat lists of bulk strings at this depth come packed; the reply itself has depth 0. Default: none. */
  readonly packAt?: number;
  /** Makes the value of an error reply. */
  readonly error: (text: string) => E;
}

/** Found what is no RESP2, or more than is taken. The link has lost its place and is of no more use. */
export class RespProtocolError extends Error {
  /** @param found What was found. */
  constructor(found: string) {
    super(`reading a reply: found ${found}, want RESP2`);
    this.name = "RespProtocolError";
  }
}
