/**
 * Events whose data is parsed when somebody reads it for the first time: many handlers never do, and parsing is the
 * largest part of what an event costs.
 *
 * @module
 */
import type { DataHabit } from "./data_habit.ts";
import type { EntryRef, Event } from "./event.ts";

type Attributes = Pick<Event, "id" | "type" | "source" | "subject" | "time" | "datacontenttype">;

/** Puts a private field on an object that somebody else has made. */
class Bearer {
  constructor(object: object) {
    return object;
  }
}

class Later extends Bearer {
  #text: string | null;
  #habit: DataHabit;
  #data: unknown = undefined;
  constructor(object: object, text: string, habit: DataHabit) {
    super(object);
    this.#text = text;
    this.#habit = habit;
  }
  static of(event: object): Later {
    return event as Later;
  }
  get value(): unknown {
    return null;
  }
  static read(event: Later): unknown {
    const text = event.#text;
    if (text === null) return event.#data;
    event.#text = null;
    event.#habit.read();
    return event.#data = JSON.parse(text);
  }
}

const DATA: PropertyDescriptor & ThisType<Later> = {
  get() { return Later.read(this); },
  set(value) { Object.defineProperty(this, "data", { value, writable: true, enumerable: true, configurable: true }); },
  enumerable: true,
  configurable: true,
};
const HOOK = Symbol.for("nodejs.util.inspect.custom");
const INSPECT = { value(this: object) { return { ...this }; }, enumerable: false, configurable: true, writable: true };
const hooked = Deno.env.get("LZ_HOOK") === "1";

export function laterEvent(
  attributes: Attributes,
  text: string, habit: DataHabit,
  extensions: Event["extensions"],
  entry: EntryRef,
): Event {
  const event = attributes as Attributes & { extensions: Event["extensions"]; entry: EntryRef };
  Object.defineProperty(event, "data", DATA);
  event.extensions = extensions;
  event.entry = entry;
  if (hooked) Object.defineProperty(event, HOOK, INSPECT);
  new Later(event, text, habit);
  return event as unknown as Event;
}
