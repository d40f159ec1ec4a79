/**
 * The smallest Redis client that works: one socket, one command at a time, RESP2, every wait bounded. For looking after
 * a server (is it up, whose data has it, stop it) and for tests; the service itself talks through its channels.
 * @module
 */
import type { Clock } from "../../../clock.ts";
import { encodeCommand } from "../resp/encode.ts";
import { RawLinkError, type RawReply, RawReplyError, RespReader } from "./resp_reader.ts";

export { RawLinkError, type RawReply, RawReplyError };

/** Where the server is. */
export type RawTarget = { readonly path: string } | { readonly hostname?: string; readonly port: number };

/** Options of one command. */
export interface RawCommandOptions {
  /** Milliseconds until the link is given up. Default 5000. */
  readonly timeoutMs?: number;
  /** Bulk strings as bytes. Default false. */
  readonly bytes?: boolean;
}

/** A connection. Commands queue up behind each other; a command that times out closes it. */
export class RawClient implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #reader: RespReader;
  readonly #clock: Clock;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(connection: Deno.Conn, clock: Clock) {
    this.#connection = connection;
    this.#reader = new RespReader(connection);
    this.#clock = clock;
  }

  /**
   * Connects.
   * @param timeoutMs Bound on the connect itself; default 5000.
   * @throws {RawLinkError} Nobody listens there, or nobody took the connection in time.
   */
  static async connect(target: RawTarget, clock: Clock, timeoutMs = 5_000): Promise<RawClient> {
    const opening: Promise<Deno.Conn> = "path" in target
      ? Deno.connect({ transport: "unix", path: target.path })
      : Deno.connect({ hostname: target.hostname ?? "127.0.0.1", port: target.port });
    const connection = await bounded(opening, clock, timeoutMs, "connecting", () => {
      opening.then((late) => late.close(), () => {});
    });
    return new RawClient(connection, clock);
  }

  /** True once closed, by us or by a failure. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends one command and waits for its reply.
   * @throws {RawReplyError} The server answered with an error.
   * @throws {RawLinkError} No answer in time, or the link broke; this client is closed then.
   */
  command(args: readonly (string | Uint8Array | number)[], options: RawCommandOptions = {}): Promise<RawReply> {
    const turn = this.#tail.then(() => this.#roundTrip(args, options));
    this.#tail = turn.catch(() => {});
    return turn;
  }

  /** Waits, without a command and without a bound, until the server ends the connection, or until the signal. */
  async untilEnd(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.close();
    if (signal.aborted) return;
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (await this.#connection.read(new Uint8Array(64)) !== null);
    } catch {
      // Closed, by the server or by the signal.
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Closes the socket. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  /** Same as {@link RawClient.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #roundTrip(args: readonly (string | Uint8Array | number)[], options: RawCommandOptions): Promise<RawReply> {
    if (this.#closed) throw new RawLinkError(`sending ${args[0]}: the link is closed`);
    const exchange = async (): Promise<RawReply> => {
      await writeAll(this.#connection, encodeCommand(args.map((arg) => typeof arg === "number" ? String(arg) : arg)));
      return await this.#reader.reply(options.bytes ?? false);
    };
    const reply = await bounded(
      exchange(),
      this.#clock,
      options.timeoutMs ?? 5_000,
      String(args[0]),
      () => this.close(),
    )
      .catch((error: unknown) => {
        this.close();
        throw error;
      });
    if (reply instanceof RawReplyError) throw reply;
    return reply;
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Bounds a promise; foreign errors become {@link RawLinkError}. */
function bounded<T>(work: Promise<T>, clock: Clock, ms: number, what: string, onLate: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      onLate();
      reject(new RawLinkError(`${what}: no answer within ${ms} ms`));
    });
    work.then(resolve, (cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      reject(cause instanceof RawLinkError ? cause : new RawLinkError(`${what}: ${message}`, { cause }));
    }).finally(cancel);
  });
}
