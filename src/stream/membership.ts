/**
 * Who this process is in the group: a name that no other start ever had, registered until somebody takes it over.
 *
 * States: `out` → (register) → `in` → (fenced) → `out` under the next name → … → `left`. A name is never used twice,
 * so that whatever an earlier one may still have under way cannot be mistaken for ours.
 * @module
 */
import type { StreamStore } from "../store/port.ts";

/** What a membership is made of. */
export interface MembershipOptions {
  readonly store: StreamStore;
  /** `CONSUMER_NAME`. */
  readonly baseName: string;
  /** Unique to this start of the process: letters and digits. */
  readonly startId: string;
  readonly leaseMs: number;
}

/** See the module's text. */
export class Membership {
  readonly #options: MembershipOptions;
  #state: "out" | "in" | "left" = "out";
  #generation = 0;
  #joining: Promise<void> | null = null;

  /** @param options See {@link MembershipOptions}. */
  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** The current name. */
  get name(): string {
    const { baseName, startId } = this.#options;
    return this.#generation === 0 ? `${baseName}-${startId}` : `${baseName}-${startId}-${this.#generation}`;
  }

  /** True for a name that this process had before: whatever was done under it is void, and need not be judged. */
  isFormer(name: string): boolean {
    const first = `${this.#options.baseName}-${this.#options.startId}`;
    return name !== this.name && (name === first || name.startsWith(`${first}-`));
  }

  /** True while registered and not known to be fenced. */
  get joined(): boolean {
    return this.#state === "in";
  }

  /** Registers unless registered. Errors as {@link StreamStore.register}. */
  async join(): Promise<void> {
    if (this.#state !== "out") return;
    this.#joining ??= this.#register();
    await this.#joining;
  }

  /** Says that a name was fenced. @returns False when that is old news. */
  fenced(name: string): boolean {
    if (name !== this.name || this.#state !== "in") return false;
    this.#state = "out";
    this.#generation++;
    return true;
  }

  /** No registration any more, for good. */
  leave(): void {
    this.#state = "left";
  }

  async #register(): Promise<void> {
    try {
      await this.#options.store.register(this.name, this.#options.leaseMs);
      if (this.#state === "out") this.#state = "in";
    } catch (error) {
      // The outcome may be unknown, and a name must not be registered twice.
      this.#generation++;
      throw error;
    } finally {
      this.#joining = null;
    }
  }
}
