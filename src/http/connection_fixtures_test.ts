import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { until, waitFor } from "../../testing/wait.ts";
import type { HttpHandler } from "./router.ts";
import { connectionServer, type ServeConnection } from "./serve_connection.ts";
import { type HttpServer, startHttpServer } from "./server.ts";

/** A whole request. */
export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** UTF-8. */
export const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Answers at once. */
export const hello: HttpHandler = () => Promise.resolve(new Response("hello"));

/** One client of a server whose clock stands still. */
export class Client {
  readonly #connection: Deno.TcpConn;
  text = "";
  closed = false;
  #left = false;
  readonly reading: Promise<void>;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.reading = this.#read();
  }

  async send(text: string): Promise<void> {
    await this.#connection.write(encoder.encode(text));
  }

  async answered(times: number): Promise<void> {
    await waitFor(() => this.text.split("HTTP/1.1 ").length - 1 === times, { what: `${times} answers` });
  }

  async cut(): Promise<void> {
    await until(this.reading, { what: "the server to close the connection" });
  }

  leave(): void {
    if (!this.#left) this.#connection.close();
    this.#left = true;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(1_024);
    for (;;) {
      const size = await this.#connection.read(buffer).catch(() => null);
      if (size === null) break;
      this.text += decoder.decode(buffer.subarray(0, size));
    }
    this.closed = true;
  }
}

/** A server whose clock stands still, and its clients. */
export interface Scene {
  readonly clock: FakeClock;
  readonly server: HttpServer;
  readonly faults: readonly unknown[];
  /** A client whose connection the server has accepted. */
  connect(): Promise<Client>;
  /** Connections that the server knows to be closed. */
  ended(): number;
}

/** Serves by what this runtime has inside, until the work is done. */
export async function scene(
  handler: HttpHandler,
  work: (scene: Scene) => Promise<void>,
  serve: ServeConnection | null = connectionServer(),
): Promise<void> {
  const clock = new FakeClock();
  const faults: unknown[] = [];
  assert.ok(serve !== null, "this version of Deno serves no single connection: see docs/adr/0010");
  let accepted = 0;
  let ended = 0;
  const server = startHttpServer({
    ...{ hostname: "127.0.0.1", port: 0, handler, clock },
    onFault: (error) => faults.push(error),
    serveConnection: (...call) => {
      accepted++;
      const served = serve(...call);
      void served.finished.then(() => ended++);
      return served;
    },
  });
  const clients: Client[] = [];
  const connect = async (): Promise<Client> => {
    const before = accepted;
    const client = new Client(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
    clients.push(client);
    await waitFor(() => accepted > before, { what: "the connection to be accepted" });
    return client;
  };
  try {
    assert.equal(server.boundsHeads, true);
    await work({ clock, server, faults, connect, ended: () => ended });
  } finally {
    for (const client of clients) client.leave();
    await Promise.all(clients.map(({ reading }) => reading));
    await server.close(1_000);
  }
}
