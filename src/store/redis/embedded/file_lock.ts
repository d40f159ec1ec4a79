/**
 * Advisory locks between processes. The system drops them when a process ends, however it ends, so that a `kill -9`
 * leaves nothing behind that somebody has to clean up.
 * @module
 */
import { type Clock, sleep } from "../../../clock.ts";

/** How long to try. */
export interface LockWait {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined;
}

/** Locks are tried again this often: the system's own waiting call cannot be ended. */
const RETRY_MS = 20;

/** One lock file, open. */
export class FileLock implements Disposable {
  readonly #file: Deno.FsFile;
  #open = true;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Opens the file, or makes it (mode 0600). Holds nothing yet. */
  static async open(path: string): Promise<FileLock> {
    return new FileLock(await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 }));
  }

  /** @returns True when it is now held together with any number of other sharers. */
  trySharing(): Promise<boolean> {
    return this.#file.tryLock(false);
  }

  /** Gives up what is held. @returns True when it is now held alone; false when nothing is held. */
  async tryAlone(): Promise<boolean> {
    await this.#file.unlock();
    return await this.#file.tryLock(true);
  }

  /**
   * Waits until it is held alone.
   * @returns False when the time was over or the signal aborted; nothing is held then.
   */
  async alone(wait: LockWait): Promise<boolean> {
    const deadline = wait.clock.monotonic() + wait.timeoutMs;
    while (!wait.signal?.aborted) {
      if (await this.#file.tryLock(true)) return true;
      if (wait.clock.monotonic() >= deadline) return false;
      await sleep(wait.clock, RETRY_MS, wait.signal);
    }
    return false;
  }

  /** Gives up what is held and closes the file. Idempotent. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.close();
  }
}
