/**
 * A load balancer for tests, of the kind that Kubernetes has: it hands out connections, not requests, and knows of each
 * backend only whether `/health/ready` says 200. It repeats nothing: what goes wrong behind it, its client sees.
 * @module
 */
import { sleep, systemClock } from "../src/clock.ts";
import { status } from "./service_process.ts";

/** How often a backend is asked, ms. */
const PROBE_MS = 100;

/** Settings of {@link startBalancer}. */
export interface BalancerOptions {
  /** Ports on 127.0.0.1. */
  readonly backends: readonly number[];
}

/** Starts it on a free port of 127.0.0.1. */
export function startBalancer(options: BalancerOptions): Balancer {
  return new Balancer(options.backends);
}

/** A running balancer. Made by {@link startBalancer}. */
export class Balancer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ready = new Set<number>();
  readonly #open = new Set<Deno.TcpConn>();
  readonly #work: Promise<unknown>[] = [];
  readonly #stopping = new AbortController();
  #next = 0;

  /** Use {@link startBalancer}. */
  constructor(backends: readonly number[]) {
    for (const backend of backends) this.#work.push(this.#probe(backend));
    this.#work.push(this.#accept());
  }

  /** `host:port` of the clients' side. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Backends that get connections at the moment. */
  get ready(): ReadonlySet<number> {
    return this.#ready;
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await Promise.all(this.#work);
  }

  async #probe(backend: number): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (await status(`http://127.0.0.1:${backend}/health/ready`, 200)) this.#ready.add(backend);
      else this.#ready.delete(backend);
      await sleep(systemClock, PROBE_MS, this.#stopping.signal);
    }
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) this.#work.push(this.#serve(client));
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    try {
      const ready = [...this.#ready];
      const port = ready[this.#next++ % ready.length];
      if (port === undefined) return;
      const backend = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#open.add(backend);
      await Promise.all([pump(client, backend), pump(backend, client)]);
      this.#open.delete(backend);
    } catch {
      // The backend took no connection: the client finds its own one closed.
    } finally {
      close(client);
      this.#open.delete(client);
    }
  }
}

/** Moves bytes until one side ends, then closes both. */
async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
      for (let sent = 0; sent < n;) sent += await to.write(buffer.subarray(sent, n));
    }
  } catch {
    // Closed under us.
  } finally {
    close(from);
    close(to);
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It was.
  }
}
