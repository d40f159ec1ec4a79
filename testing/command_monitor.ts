/**
 * Which commands clients send, as `MONITOR` sees them: those that scripts call are marked there, and in no statistics.
 * @module
 */
import { SCRIPTS } from "../src/store/redis/scripts.ts";

const NAMES: ReadonlyMap<string, string> = new Map(Object.values(SCRIPTS).map(({ sha, name }) => [sha, name]));

/** Watches until it is disposed. */
export class CommandMonitor implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #counts = new Map<string, number>();
  #rest = "";

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Begins to watch. */
  static async open(port: number): Promise<CommandMonitor> {
    const monitor = new CommandMonitor(await Deno.connect({ hostname: "127.0.0.1", port }));
    await monitor.#connection.write(new TextEncoder().encode("MONITOR\r\n"));
    void monitor.#read();
    return monitor;
  }

  /** Commands so far, by name; calls of scripts by that of the script. Most first. */
  get counts(): readonly (readonly [name: string, count: number])[] {
    return [...this.#counts].sort((a, b) => b[1] - a[1]);
  }

  /** All of them. */
  get total(): number {
    return this.counts.reduce((sum, [, count]) => sum + count, 0);
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    const decoder = new TextDecoder();
    for (;;) {
      const size = await this.#connection.read(buffer).catch(() => null);
      if (size === null) return;
      const lines = (this.#rest + decoder.decode(buffer.subarray(0, size))).split("\r\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
  }

  #take(line: string): void {
    const found = /^\+\S+ \[\d+ (\S+)\] "([^"]*)"(?: "([^"]*)")?/.exec(line);
    if (found === null || found[1] === "lua") return;
    const script = NAMES.get(found[3] ?? "");
    const name = script === undefined ? found[2]!.toLowerCase() : `script ${script}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
