/**
 * The latest changes that people made by hand through this process, as the audit log has them.
 * @module
 */
import type { Page } from "./shapes.ts";

/** One line. */
export interface AuditLine {
  readonly time: string;
  /** `dead_letter.replay` */
  readonly action: string;
  /** What it was done to. */
  readonly target: string;
  /** What came of it. */
  readonly result: string;
  /** Address of who asked; a proxy's, where there is one. */
  readonly remote: string;
  /** That of the request. */
  readonly correlationId: string;
}

const MOST = 200;
const LONGEST = 1_000;

/** See the module's text. */
export class AuditTrail {
  #lines: readonly AuditLine[] = [];

  /** Remembers one. */
  add(line: AuditLine): void {
    const short = (text: string): string => text.slice(0, LONGEST);
    const kept = { ...line, target: short(line.target), result: short(line.result) };
    this.#lines = [kept, ...this.#lines].slice(0, MOST);
  }

  /** Latest first. */
  get page(): Page<AuditLine> {
    return { items: this.#lines, next: null };
  }
}
