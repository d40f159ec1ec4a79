/**
 * The way of one replica to Redis: one address that never changes, and behind it fault proxies that can be exchanged, so
 * that old connections can fall silent for good while new ones work (half-open, as after a lost NAT entry).
 * @module
 */
import { type FaultProxy, startProxy } from "../../../testing/fault_proxy.ts";
import { loginPart } from "../../../testing/redis_acl.ts";

/** See the module's text. */
export class ReplicaLink implements AsyncDisposable {
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  readonly #targetPort: number;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #work = new Set<Promise<void>>();
  #proxy: FaultProxy;
  #silent: FaultProxy[] = [];

  private constructor(targetPort: number, proxy: FaultProxy) {
    this.#targetPort = targetPort;
    this.#proxy = proxy;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.url = `redis://${loginPart()}127.0.0.1:${this.#listener.addr.port}`;
    this.#track(this.#serve());
  }

  /** Opens the way. @param targetPort Port of Redis. */
  static async open(targetPort: number): Promise<ReplicaLink> {
    return new ReplicaLink(targetPort, await startProxy({ targetPort }));
  }

  /** Takes all connections made now and later. */
  get proxy(): FaultProxy {
    return this.#proxy;
  }

  /** Every present connection falls silent, in both directions, for good. */
  async freeze(): Promise<void> {
    const fresh = await startProxy({ targetPort: this.#targetPort });
    this.#proxy.set({ kind: "blackhole" });
    this.#silent.push(this.#proxy);
    this.#proxy = fresh;
  }

  /** Ends what {@link freeze} left behind, to be called when nobody uses it any more. */
  async sweep(): Promise<void> {
    await Promise.all(this.#silent.splice(0).map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const end of this.#open) close(end);
    await Promise.all([this.sweep(), this.#proxy[Symbol.asyncDispose]()]);
    await Promise.all(this.#work);
  }

  async #serve(): Promise<void> {
    for await (const client of this.#listener) this.#track(this.#carry(client));
  }

  async #carry(client: Deno.TcpConn): Promise<void> {
    const ends = [client];
    this.#open.add(client);
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#proxy.port });
      ends.push(server);
      this.#open.add(server);
      for (const end of ends) end.setNoDelay(true);
      const pumps = [pump(client, server), pump(server, client)];
      await Promise.race(pumps);
      for (const end of ends) close(end);
      await Promise.allSettled(pumps);
    } finally {
      for (const end of ends) {
        close(end);
        this.#open.delete(end);
      }
    }
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.catch(() => {}).finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}

/** Carries bytes until either end is closed; never throws. */
async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return;
      for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
    }
  } catch {
    // The other end is closed too, by the caller.
  }
}

function close(end: Deno.TcpConn): void {
  try {
    end.close();
  } catch {
    // Closed before.
  }
}
