/**
 * A TCP proxy that breaks links in the ways networks break them; for tests, needs no root. The faults can be switched
 * while connections are open.
 * @module
 */
import { sleep, systemClock } from "../src/clock.ts";
import { loginPart } from "./redis_acl.ts";
import { listenFree } from "./redis_server.ts";

/**
 * What the proxy does. "Reply" is what flows from the target to the client.
 *
 * - `pass`: nothing
 * - `blackhole`: holds every byte, and the end of a connection, in both directions, or only replies; new connections are
 *   accepted and stay silent. What was held flows when the mode changes, as TCP would send it again.
 * - `rst`: ends every connection at once, and each new one as soon as it is made. Deno cannot set SO_LINGER, so that the
 *   peer sees the end (FIN), or a reset where it had unread bytes; no test may rely on which.
 * - `refuse`: ends every connection and stops listening; the system refuses a moment later
 * - `cutAfter`: ends each connection after that many more reply bytes, mid-reply
 * - `garble`: flips bits in every reply byte
 * - `latency`: each piece waits that long, in each direction; a busy link adds up to as much again
 * - `slice`: passes replies in pieces of that many bytes
 */
export type Fault =
  | { readonly kind: "pass" }
  | { readonly kind: "blackhole"; readonly direction?: "both" | "replies" }
  | { readonly kind: "rst" }
  | { readonly kind: "refuse" }
  | { readonly kind: "cutAfter"; readonly bytes: number }
  | { readonly kind: "garble" }
  | { readonly kind: "latency"; readonly ms: number; readonly jitterMs?: number }
  | { readonly kind: "slice"; readonly bytes: number };

/** Where the proxy leads. */
export interface ProxyOptions {
  /** Port of the real server. */
  readonly targetPort: number;
  /** Default 127.0.0.1. */
  readonly targetHost?: string;
  /** Port of its own. Default: a free one. */
  readonly port?: number;
}

/**
 * Starts a proxy that passes everything.
 * @example
 * ```ts ignore
 * await using proxy = await startProxy({ targetPort: redis.port });
 * proxy.set({ kind: "blackhole" });
 * proxy.heal();
 * ```
 */
export function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  return Promise.resolve(new FaultProxy(options));
}

/** Which way a byte flows. */
type Direction = "requests" | "replies";

/** One client and the connection made for it. */
interface Link {
  readonly closing: AbortController;
  readonly ends: Deno.TcpConn[];
  repliedBytes: number;
}

/** A running proxy. Made by {@link startProxy}. */
export class FaultProxy implements AsyncDisposable {
  /** Its port on 127.0.0.1; stays the same. */
  readonly port: number;
  /** `redis://127.0.0.1:port`, with the login of `redis_acl.ts` where that is wanted. */
  readonly url: string;
  readonly #target: { readonly hostname: string; readonly port: number };
  readonly #links = new Set<Link>();
  readonly #work = new Set<Promise<void>>();
  #fault: Fault = { kind: "pass" };
  #changed = Promise.withResolvers<void>();
  #listener: Deno.TcpListener | null;
  #accepted = 0;
  #replyBytes = 0;
  #disposed = false;

  /** Use {@link startProxy}. */
  constructor(options: ProxyOptions) {
    this.#target = { hostname: options.targetHost ?? "127.0.0.1", port: options.targetPort };
    const { port } = options;
    this.#listener = port === undefined ? listenFree() : Deno.listen({ hostname: "127.0.0.1", port });
    this.port = this.#listener.addr.port;
    this.url = `redis://${loginPart()}127.0.0.1:${this.port}`;
    this.#track(this.#serve(this.#listener));
  }

  /** The present fault. */
  get fault(): Fault {
    return this.#fault;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#links.size;
  }

  /** Connections taken since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Reply bytes passed since the start. */
  get replyBytes(): number {
    return this.#replyBytes;
  }

  /** Switches the fault, for open connections and new ones. */
  set(fault: Fault): void {
    this.#fault = fault;
    for (const link of this.#links) link.repliedBytes = 0;
    if (fault.kind === "rst" || fault.kind === "refuse") this.sever();
    if (fault.kind === "refuse") this.#deafen();
    else this.#listen();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Same as `set({ kind: "pass" })`. */
  heal(): void {
    this.set({ kind: "pass" });
  }

  /** Ends every open connection; new ones are taken as the fault says. */
  sever(): void {
    for (const link of this.#links) close(link);
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#deafen();
    this.sever();
    await Promise.all(this.#work);
  }

  #deafen(): void {
    this.#listener?.close();
    this.#listener = null;
  }

  #listen(): void {
    if (this.#listener !== null || this.#disposed) return;
    try {
      this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
      this.#track(this.#serve(this.#listener));
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      // The system frees the port a moment after the close.
      this.#track(sleep(systemClock, 2).then(() => this.#fault.kind === "refuse" ? undefined : this.#listen()));
    }
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.catch(() => {}).finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  async #serve(listener: Deno.TcpListener): Promise<void> {
    for await (const client of listener) {
      this.#accepted++;
      this.#track(this.#link(client));
    }
  }

  /** Carries one connection until either side, or the proxy, ends it. */
  async #link(client: Deno.TcpConn): Promise<void> {
    const link: Link = { closing: new AbortController(), ends: [client], repliedBytes: 0 };
    this.#links.add(link);
    try {
      if (this.#fault.kind === "rst") return;
      const server = await Deno.connect(this.#target);
      link.ends.push(server);
      if (link.closing.signal.aborted) return;
      client.setNoDelay(true);
      server.setNoDelay(true);
      await Promise.all([
        this.#pump(client, server, "requests", link),
        this.#pump(server, client, "replies", link),
      ]);
    } finally {
      close(link);
      this.#links.delete(link);
    }
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, direction: Direction, link: Link): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        await this.#whileHeld(direction, link);
        if (count === null || link.closing.signal.aborted) return;
        if (!await this.#pass(buffer.slice(0, count), to, direction, link)) return;
      }
    } catch {
      // Either end broke: so does the other.
    } finally {
      close(link);
    }
  }

  /** Waits as long as a blackhole holds this direction. */
  async #whileHeld(direction: Direction, link: Link): Promise<void> {
    const { signal } = link.closing;
    const closed = Promise.withResolvers<void>();
    const onAbort = (): void => closed.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    while (!signal.aborted && holds(this.#fault, direction)) {
      await Promise.race([this.#changed.promise, closed.promise]);
    }
    signal.removeEventListener("abort", onAbort);
  }

  /** @returns False when the connection has to end now. */
  async #pass(chunk: Uint8Array, to: Deno.TcpConn, direction: Direction, link: Link): Promise<boolean> {
    const fault = this.#fault;
    if (fault.kind === "latency") {
      const ms = fault.ms + Math.random() * (fault.jitterMs ?? 0);
      if (!await sleep(systemClock, ms, link.closing.signal)) return false;
    }
    if (direction === "requests") {
      await writeAll(to, chunk);
      return true;
    }
    if (fault.kind === "garble") chunk = chunk.map((byte) => byte ^ 0x15);
    const room = fault.kind === "cutAfter" ? fault.bytes - link.repliedBytes : Infinity;
    const part = chunk.subarray(0, Math.min(chunk.length, Math.max(0, room)));
    link.repliedBytes += part.length;
    this.#replyBytes += part.length;
    const step = fault.kind === "slice" ? fault.bytes : part.length;
    for (let at = 0; at < part.length; at += step) await writeAll(to, part.subarray(at, at + step));
    return link.repliedBytes < (fault.kind === "cutAfter" ? fault.bytes : Infinity);
  }
}

function holds(fault: Fault, direction: Direction): boolean {
  return fault.kind === "blackhole" && (fault.direction !== "replies" || direction === "replies");
}

function close(link: Link): void {
  link.closing.abort();
  for (const end of link.ends) {
    try {
      end.close();
    } catch {
      // Closed before.
    }
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
