/**
 * Reads RESP2 replies from a byte stream.
 * @module
 */

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
  #buffer = new Uint8Array(0);

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
    const line = await this.#line();
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return rest;
      case "-":
        return new RawReplyError(rest);
      case ":":
        return Number(rest);
      case "$":
        return await this.#bulk(Number(rest), bytes);
      case "*":
        return await this.#array(Number(rest), bytes);
      default:
        throw new RawLinkError(`reading a reply: found ${JSON.stringify(line.slice(0, 40))}, want RESP2`);
    }
  }

  async #bulk(length: number, bytes: boolean): Promise<string | Uint8Array | null> {
    if (length < 0) return null;
    const body = (await this.#take(length + 2)).subarray(0, length);
    return bytes ? body : new TextDecoder().decode(body);
  }

  async #array(length: number, bytes: boolean): Promise<RawReply[] | null> {
    if (length < 0) return null;
    const items: RawReply[] = [];
    for (let i = 0; i < length; i++) items.push(await this.reply(bytes));
    return items;
  }

  async #line(): Promise<string> {
    let from = 0;
    for (;;) {
      const end = this.#buffer.indexOf(10, from);
      if (end >= 0) return new TextDecoder().decode((await this.#take(end + 1)).subarray(0, end - 1));
      from = this.#buffer.length;
      await this.#more();
    }
  }

  /** Exactly `count` bytes, copied out. */
  async #take(count: number): Promise<Uint8Array> {
    while (this.#buffer.length < count) await this.#more();
    const taken = this.#buffer.slice(0, count);
    this.#buffer = this.#buffer.slice(count);
    return taken;
  }

  async #more(): Promise<void> {
    const chunk = new Uint8Array(65_536);
    const count = await this.#source.read(chunk);
    if (count === null) throw new RawLinkError("reading a reply: the server closed the connection", { ended: true });
    const joined = new Uint8Array(this.#buffer.length + count);
    joined.set(this.#buffer);
    joined.set(chunk.subarray(0, count), this.#buffer.length);
    this.#buffer = joined;
  }
}
