/**
 * The newest entries that this process has read or appended. A server that goes back to an earlier state (a replica that
 * took over, a disk that was behind) does not know what it lost; who had seen it does.
 * @module
 */
import { StoreRefusedError } from "../../errors.ts";
import { list, number, text } from "./codec.ts";
import { type CallContext, callGroup } from "./context.ts";

/** Entries that are remembered: what flows in the second or so that replicas may be behind. */
const MOST = 8_192;
/** Entries that one call looks up. */
const PAGE = 200;

/** See the module's text. */
export class Sightings {
  readonly #ids: string[] = [];
  #next = 0;
  /** Which server it was, as it calls its own start, and over which client that was asked. */
  #runId = "";
  #linkId: number | null = null;
  /** When the group was made: what was destroyed together with it is counted elsewhere. */
  #made = "";
  /** Counted, and told to nobody yet: an answer that fails half way must not cost what came before it. */
  #untold = 0;

  /** An entry was read or appended. */
  note(entryId: string): void {
    this.#ids[this.#next] = entryId;
    this.#next = (this.#next + 1) % MOST;
  }

  /**
   * Counts what another server, or another start of it, does not have any more. Costs nothing while the client is the same.
   * @throws {StoreUnavailableError} @throws {StoreRefusedError} And then looks again with the next call.
   */
  async look(context: CallContext): Promise<void> {
    const { linkId } = context.command;
    if (linkId === this.#linkId) return;
    const runId = await runIdOf(context);
    if (this.#runId !== "" && runId !== this.#runId) await this.#count(context);
    this.#runId = runId;
    this.#linkId = linkId;
  }

  /**
   * Tells what was counted, once.
   * @param made When the group was made, as the server says now; "" where there is none.
   */
  tell(made: string): number {
    if (made !== "") this.#made = made;
    const count = this.#untold;
    this.#untold = 0;
    return count;
  }

  async #count(context: CallContext): Promise<void> {
    const ids = [...new Set(this.#ids)].sort(newestFirst);
    for (let from = 0; from < ids.length; from += PAGE) {
      const args = [this.#made, ...ids.slice(from, from + PAGE)];
      const [gone, more] = list(await callGroup(context, context.scripts.rolledBack, "", args));
      this.#untold += number(gone);
      if (more !== 1) break;
    }
  }
}

/** What the server calls its present start; "" where it does not say. */
async function runIdOf({ command }: CallContext): Promise<string> {
  try {
    return /^run_id:(\w+)/m.exec(text(await command.send(["INFO", "server"])))?.[1] ?? "";
  } catch (error) {
    if (error instanceof StoreRefusedError) return "";
    throw error;
  }
}

/** Entry ids by their numbers. Two of one millisecond differ by a count that is small. */
function newestFirst(a: string, b: string): number {
  const [aMs = 0, aCount = 0] = a.split("-").map(Number);
  const [bMs = 0, bCount = 0] = b.split("-").map(Number);
  return bMs - aMs || bCount - aCount;
}
