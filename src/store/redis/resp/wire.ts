/**
 * Bytes out and in: what a link needs of a socket. A `Deno.Conn` is one.
 * @module
 */
import type { Socket } from "node:net";

/** See the module's text. */
export interface Wire {
  /** Fills part of the buffer. @returns How many bytes; null at the end. @throws The wire broke, or was closed. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** @returns How many bytes were taken. @throws The wire broke, or was closed. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends it at once; a read under way ends too. */
  close(): void;
}

/** So much is kept for a reader that does not come, bytes. */
const MOST_KEPT = 1_048_576;

/** A socket of `node:net` or `node:tls`. One read and one write at a time. */
export class NodeWire implements Wire {
  readonly #socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  #kept = 0;
  #end: Error | "ended" | null = null;
  #wake: () => void = () => {};

  /** @param socket Nobody else reads it. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("end", () => this.#finish("ended"));
    // Stays: an error after the end must not be thrown at the process.
    socket.on("error", (error) => this.#finish(error));
    socket.on("close", () => this.#finish("ended"));
  }

  /** @inheritdoc */
  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#end === "ended") return null;
      if (this.#end !== null) throw this.#end;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks[0]!;
    const part = chunk.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(part.length);
    this.#kept -= part.length;
    if (this.#kept < MOST_KEPT && this.#socket.isPaused()) this.#socket.resume();
    return part.length;
  }

  /** @inheritdoc */
  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  /** @inheritdoc */
  close(): void {
    this.#finish(new Error("the link was ended"));
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    if (this.#kept >= MOST_KEPT) this.#socket.pause();
    this.#wake();
  }

  #finish(end: Error | "ended"): void {
    this.#end ??= end;
    this.#wake();
  }
}
