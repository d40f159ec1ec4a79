/**
 * Names for parts of a document, made of what people chose.
 * @module
 */

/** Gives each thing a name of letters, digits, `.`, `_` and `-`, so that a reference to it needs no escapes. */
export class SafeNames {
  readonly #given = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** The same name for the same thing, another one for another. @param thing What it is for. @param wish What to make it of. */
  of(thing: string, wish: string): string {
    const known = this.#given.get(thing);
    if (known !== undefined) return known;
    const base = wish.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 128) || "_";
    let name = base;
    for (let n = 2; this.#taken.has(name) || name === "__proto__"; n++) name = `${base}-${n}`;
    this.#taken.add(name);
    this.#given.set(thing, name);
    return name;
  }
}
