/**
 * Whether a handler reads the data of its events: who does gets it parsed at once, which is the cheaper way then.
 *
 * Only data that was left unparsed can tell. So a handler is taken for one that does not read until it does; then its
 * data is parsed at once, but for that of a probe now and then, and left alone again when many probes in a row were not
 * read.
 * @module
 */

/** Events that are parsed at once between two probes: what a probe costs is lost among them. */
export const BETWEEN_PROBES = 500;
/** Probes in a row that were not read before data is left alone again. */
export const UNREAD_PROBES = 4;

/** See the module's text. Holds no event, knows no time. */
export class DataHabit {
  #reads = false;
  #untilProbe = 0;
  #unread = 0;

  /** Whether the data of the next event is to be left until it is read. Counts: ask once for each event. */
  leaves(): boolean {
    if (!this.#reads) return true;
    if (this.#untilProbe-- > 0) return false;
    // A probe counts as unread until it is read; one that is read late begins the count anew then.
    this.#reads = ++this.#unread <= UNREAD_PROBES;
    this.#untilProbe = BETWEEN_PROBES;
    return true;
  }

  /** Data that was left was read. */
  read(): void {
    this.#reads = true;
    this.#unread = 0;
    this.#untilProbe = BETWEEN_PROBES;
  }
}
