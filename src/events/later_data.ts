/**
 * Events whose data is parsed when somebody reads it for the first time: many handlers never do, and parsing is the
 * largest part of what an event costs.
 *
 * `data` is a property of the event like the others: its own, listed, copied, cloned and compared with them, there to be
 * assigned; only its descriptor and the event's prototype tell the difference. The functions behind it are the same for all events, since V8 keeps
 * objects with functions of their own as slow tables.
 * @module
 */
import type { DataHabit } from "./data_habit.ts";
import type { EntryRef, Event } from "./event.ts";

/** What comes before `data`, in this order. */
export type EventHead = Omit<Event, "data" | "extensions" | "entry">;

/** Data that need not be parsed yet. */
export class LaterData {
  /** Null once it was parsed: then the text is nobody's any more. */
  #text: string | null;
  #value: unknown = undefined;
  readonly #habit: DataHabit;

  /** @param text What `JSON.parse` is known to read. @param habit Is told of the first reading. */
  constructor(text: string, habit: DataHabit) {
    this.#text = text;
    this.#habit = habit;
  }

  /** The same value each time. */
  read(): unknown {
    if (this.#text !== null) {
      this.#habit.read();
      this.write(JSON.parse(this.#text));
    }
    return this.#value;
  }

  /** From now on the data is this. */
  write(value: unknown): void {
    this.#text = null;
    this.#value = value;
  }
}

/** Constructs what it is given: what is derived from it puts its fields there. */
class Given {
  constructor(object: object) {
    return object;
  }
}

/** A private field on an object that is made elsewhere: hidden from whoever lists, copies or compares it, and cheap. */
class Bearer extends Given {
  readonly #later: LaterData;

  constructor(object: object, later: LaterData) {
    super(object);
    this.#later = later;
  }

  static laterOf(object: unknown): LaterData | null {
    return typeof object === "object" && object !== null && #later in object ? object.#later : null;
  }
}

/**
 * The event itself. Its class shows nowhere but in its prototype: what has to be there for each event, but is no part of
 * it, lies there, since a hidden property costs as much as all the others together.
 */
class LaterEvent {
  // Declared only: each is made in its turn, which is the order that is seen.
  declare readonly id: string;
  declare readonly type: string;
  declare readonly source: string;
  declare readonly subject?: string;
  declare readonly time: string;
  declare readonly datacontenttype: string;
  declare readonly data: unknown;
  declare readonly extensions: Event["extensions"];
  declare readonly entry: EntryRef;
  readonly #later: LaterData;

  constructor(head: EventHead, later: LaterData, extensions: Event["extensions"], entry: EntryRef) {
    this.id = head.id;
    this.type = head.type;
    this.source = head.source;
    if (head.subject !== undefined) this.subject = head.subject;
    this.time = head.time;
    this.datacontenttype = head.datacontenttype;
    Object.defineProperty(this, "data", DATA);
    this.extensions = extensions;
    this.entry = entry;
    this.#later = later;
  }

  static laterOf(object: object): LaterData | null {
    return #later in object ? object.#later : null;
  }

  /** For `console.log` and its kind, which would show the accessor instead of the data. */
  [Symbol.for("nodejs.util.inspect.custom")](): object {
    return { ...this };
  }
}
// What compares by it takes them for the plain objects that they are otherwise.
Object.defineProperty(LaterEvent.prototype, "constructor", { value: Object, writable: true, configurable: true });

/**
 * Of an event, or of what stands for one: a proxy of it, or an object that inherits from it, has no private field, but
 * gives the event's entry, which bears the same. A proxy that wraps all that it gives wraps that too, but hardly its
 * descriptor.
 */
function laterOf(event: object): LaterData {
  const later = LaterEvent.laterOf(event) ?? Bearer.laterOf(Reflect.get(event, "entry")) ??
    Bearer.laterOf(Reflect.getOwnPropertyDescriptor(event, "entry")?.value);
  if (later === null) throw new TypeError("data is read where there is no event");
  return later;
}

const DATA = {
  get(this: object): unknown {
    return laterOf(this).read();
  },
  /** Makes it a plain property, of whatever is assigned to: as assigning to an inherited one does. */
  set(this: object, value: unknown): void {
    if (Object.hasOwn(this, "data") && Object.isSealed(this) && !Object.isFrozen(this)) laterOf(this).write(value);
    else Object.defineProperty(this, "data", { value, writable: true, enumerable: true, configurable: true });
  },
  enumerable: true,
  configurable: true,
};

/** Makes an event of its parts. @param entry Of this event alone. */
export function eventWithLater(
  head: EventHead,
  later: LaterData,
  extensions: Event["extensions"],
  entry: EntryRef,
): Event {
  new Bearer(entry, later);
  return new LaterEvent(head, later, extensions, entry);
}
