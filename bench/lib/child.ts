/**
 * Child processes that measure themselves: each prints lines `BENCH {json}`, whatever else it prints.
 * @module
 */

import { V8_FLAGS } from "../../tools/print_flags.ts";

/** A message of a child. */
export type Message = Readonly<Record<string, unknown>>;

const PREFIX = "BENCH ";

/** Called by the child: tells its parent. */
export function tell(value: Message): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${PREFIX}${JSON.stringify(value)}\n`));
}

/** A running child. */
export class Child implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #messages: Message[] = [];
  readonly #reading: Promise<void>;
  #wake: () => void = () => {};
  #output = "";
  #ended = false;

  /** @param worker File in `bench/workers`. @param env Added to the environment. */
  constructor(worker: string, env: Readonly<Record<string, string>> = {}, flags: readonly string[] = []) {
    const path = new URL(`../workers/${worker}.ts`, import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      // All that is measured runs with what the service runs with.
      args: ["run", "-A", "-q", `--v8-flags=${V8_FLAGS}`, ...flags, path],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#reading = this.#read();
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The next message. @throws {Error} The child ended, or said nothing for `timeoutMs`. */
  async next(timeoutMs = 180_000): Promise<Message> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      const left = until - performance.now();
      if (this.#ended || left <= 0) throw new Error(`waiting for a worker: ${this.#output.slice(-2_000)}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, left);
      await promise;
      clearTimeout(timer);
    }
  }

  /** The oldest message with this field that was not taken yet; null where there is none. Empty: any. */
  latest(field: string): Message | null {
    const at = this.#messages.findIndex((message) => field === "" || field in message);
    return at < 0 ? null : this.#messages.splice(at, 1)[0]!;
  }

  /** A message with this field. */
  async until(field: string, timeoutMs?: number): Promise<Message> {
    for (;;) {
      const message = await this.next(timeoutMs);
      if (field in message) return message;
    }
  }

  /** Asks it to end, and waits. */
  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    await this.#reading;
  }

  /** Kills it, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal("SIGKILL");
    await this.#reading;
  }

  /** It may have ended by itself, and its last line not be read yet. */
  #signal(name: "SIGKILL" | "SIGTERM"): void {
    if (this.#ended) return;
    try {
      this.#child.kill(name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (
      const text of this.#child.stdout.pipeThrough(new TextDecoderStream() as never) as AsyncIterable<string>
    ) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    await this.#child.status;
    this.#ended = true;
    this.#wake();
  }

  #take(line: string): void {
    if (line.startsWith(PREFIX)) {
      this.#messages.push(JSON.parse(line.slice(PREFIX.length)));
      this.#wake();
    } else if (line !== "") {
      this.#output = `${this.#output}${line}\n`.slice(-4_000);
    }
  }
}

/** A number out of a message. */
export function figure(message: Message, name: string): number {
  const value = message[name];
  if (typeof value !== "number") throw new Error(`reading a worker: no ${name} in ${JSON.stringify(message)}`);
  return value;
}
