/**
 * The ledgers, outside the tested Redis: what producers invoked and what became of it, and what handlers saw, read
 * while it is being written.
 * @module
 */
import type { HandledLine, PublishedEvent } from "./check.ts";
import { planOf } from "./plan.ts";

/** What is remembered of one published event besides what the checker needs. */
interface Invocation {
  readonly sha: string;
  readonly invokedAt: number;
  outcome: PublishedEvent["outcome"];
}

/** The producers' side. One line for each invocation and each outcome. */
export class ProducerLedger implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #events = new Map<string, Invocation>();
  #confirmed = 0;

  /** @param dir Folder of the run. */
  constructor(dir: string) {
    this.#file = Deno.openSync(`${dir}/published.log`, { append: true, create: true });
  }

  /** Events whose publishing was confirmed. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** Before the command is sent. Until its outcome is known it is unknown. */
  invoke(id: string, sha: string): void {
    const invokedAt = Date.now();
    this.#events.set(id, { sha, invokedAt, outcome: "unknown" });
    this.#write(`${invokedAt} invoke ${id} ${sha}`);
  }

  /** After the answer. */
  conclude(id: string, outcome: PublishedEvent["outcome"]): void {
    const event = this.#events.get(id);
    if (event === undefined) throw new Error(`concluding ${id}: it was never invoked`);
    event.outcome = outcome;
    if (outcome === "ok") this.#confirmed++;
    this.#write(`${Date.now()} ${outcome} ${id}`);
  }

  /** When its publishing began, epoch ms; undefined for ids that no producer made. */
  invokedAt(id: string): number | undefined {
    return this.#events.get(id)?.invokedAt;
  }

  /** For the checker. */
  published(): ReadonlyMap<string, PublishedEvent> {
    return new Map([...this.#events].map(([id, { sha, outcome }]) => [id, { sha, outcome, plan: planOf(id) }]));
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #write(line: string): void {
    this.#file.writeSync(new TextEncoder().encode(`${line}\n`));
  }
}

/** The handlers' side: one file for each process, written by `handlers.ts`. */
export class HandlerLedger {
  readonly lines: HandledLine[] = [];
  readonly #dir: string;
  readonly #offsets = new Map<string, number>();

  /** @param dir Folder of the run. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads what was added since the last call. A line that is not complete yet is left for the next. */
  poll(): void {
    for (const { name } of Deno.readDirSync(this.#dir)) {
      if (name.startsWith("handled-")) this.#pollFile(`${this.#dir}/${name}`);
    }
  }

  #pollFile(path: string): void {
    const offset = this.#offsets.get(path) ?? 0;
    const size = Deno.statSync(path).size;
    if (size === offset) return;
    using file = Deno.openSync(path);
    file.seekSync(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - offset);
    const count = file.readSync(bytes) ?? 0;
    const end = bytes.subarray(0, count).lastIndexOf(10) + 1;
    this.#offsets.set(path, offset + end);
    for (const line of new TextDecoder().decode(bytes.subarray(0, end)).split("\n")) {
      if (line !== "") this.lines.push(parse(line));
    }
  }
}

function parse(line: string): HandledLine {
  const [at, step, id = "", attempt, who = "", sha = ""] = line.split(" ");
  return {
    at: Number(at),
    step: step === "end" ? "end" : "start",
    id,
    attempt: Number(attempt),
    who,
    sha,
  };
}
