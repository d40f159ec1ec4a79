/**
 * One connection to the DevTools protocol: numbered questions, their answers, and events.
 * @module
 */
import { until } from "./wait.ts";

/** A message's content. */
export type CdpData = Readonly<Record<string, unknown>>;

/** Told of each event of one session. */
export type CdpListener = (method: string, params: CdpData) => void;

interface Waiting {
  readonly resolve: (result: CdpData) => void;
  readonly reject: (error: Error) => void;
}

/** See the module's text. */
export class CdpConnection {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, CdpListener>();
  #next = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)));
    socket.onclose = () => this.#end();
  }

  /** @throws {Error} It cannot be opened within 10 s. */
  static async open(url: string): Promise<CdpConnection> {
    const socket = new WebSocket(url);
    const opened = new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`connecting to ${url}: refused`));
    });
    await until(opened, { timeoutMs: 10_000, what: "the DevTools connection" });
    return new CdpConnection(socket);
  }

  /** Asks. @param session Id of the page's session; empty: the browser itself. @throws {Error} The browser says no. */
  async send(method: string, params: CdpData = {}, session = ""): Promise<CdpData> {
    const id = this.#next++;
    const answer = new Promise<CdpData>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params, ...(session === "" ? {} : { sessionId: session }) }));
    return await until(answer, { timeoutMs: 30_000, what: `${method} to be answered` });
  }

  /** Listens to the events of a session. */
  listen(session: string, listener: CdpListener): void {
    this.#listeners.set(session, listener);
  }

  /** Resolves when it is closed. */
  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise<void>((resolve) => this.#socket.addEventListener("close", () => resolve()));
    this.#socket.close();
    await until(closed, { what: "the DevTools connection to close" });
  }

  #take(
    message: { id?: number; method?: string; sessionId?: string; params?: CdpData; result?: CdpData; error?: CdpData },
  ) {
    if (message.id === undefined) {
      this.#listeners.get(message.sessionId ?? "")?.(message.method ?? "", message.params ?? {});
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error !== undefined) waiting?.reject(new Error(`DevTools: ${message.error["message"]}`));
    else waiting?.resolve(message.result ?? {});
  }

  #end(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error("DevTools: the connection was closed"));
    this.#waiting.clear();
  }
}
