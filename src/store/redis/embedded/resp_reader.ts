/**
 * Reads RESP2 replies from a connection, one after the other.
 * @module
 */
import { RespParser } from "../resp/parser.ts";
import { type ReplyShape, RespProtocolError } from "../resp/reply.ts";

/** One reply. Bulk strings are text, or bytes where asked for; an error inside an array is a {@link RawReplyError}. */
export type RawReply = string | Uint8Array | number | null | RawReplyError | RawReply[];

/** The server answered with an error. */
export class RawReplyError extends Error {
  /** @param message The error line, `NOAUTH Authentication required.` */
  constructor(message: string) {
    super(message);
    this.name = "RawReplyError";
  }
}

/** The link is gone or did not answer in time. */
export class RawLinkError extends Error {
  /** True when the server ended the connection in good order. */
  readonly ended: boolean;

  /** @param message What was asked and what was found. @param options `ended`: default false. */
  constructor(message: string, options?: ErrorOptions & { readonly ended?: boolean }) {
    super(message, options);
    this.name = "RawLinkError";
    this.ended = options?.ended ?? false;
  }
}

/** What the reader needs of a connection. */
export interface ByteSource {
  /** Fills part of the buffer. @returns How many bytes; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** One reply after the other, from one connection. */
export class RespReader {
  readonly #source: ByteSource;
  readonly #parser = new RespParser<RawReplyError>();

  /** @param source Read only while a reply is asked for. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * The next reply; an error reply as a value.
   * @param bytes Bulk strings as bytes.
   * @throws {RawLinkError} The stream ended or is no RESP2.
   */
  async reply(bytes: boolean): Promise<RawReply> {
    const shape: ReplyShape<RawReplyError> = { bytes, error: (text) => new RawReplyError(text) };
    try {
      for (;;) {
        const reply = this.#parser.next(shape);
        // Nothing is asked to come packed.
        if (reply !== undefined) return reply as RawReply;
        await this.#more();
      }
    } catch (error) {
      throw error instanceof RespProtocolError ? new RawLinkError(error.message, { cause: error }) : error;
    }
  }

  async #more(): Promise<void> {
    const count = await this.#source.read(this.#parser.space());
    if (count === null) throw new RawLinkError("reading a reply: the server closed the connection", { ended: true });
    this.#parser.filled(count);
  }
}
