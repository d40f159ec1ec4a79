/**
 * The kinds of events that `/asyncapi.json` tells of.
 * @module
 */
import type { Handler } from "../../handling/define.ts";
import type { KnownHandlers } from "./facts.ts";
import { jsonSchemaOf, typeSchema } from "./json_schema.ts";
import { SafeNames } from "./names.ts";
import { type JsonSchema, ref, text } from "./schema_kit.ts";

/** A kind of event, as a message of the document. */
export interface Message {
  /** In the document. */
  readonly key: string;
  /** An event type, or a handler's pattern. */
  readonly name: string;
  readonly summary: string;
  /** Of the attribute `type`. */
  readonly type: JsonSchema;
  /** Whose schema its data has. */
  readonly handler: Handler | null;
}

/** Published by the trigger. */
export const TRIGGERED = "test.manual";

/** Every kind of event that is handled, or that the service publishes on its own. */
export class Messages {
  readonly handled: readonly Message[];
  /** Handled or not. */
  readonly all: readonly Message[];
  /** What clients and handlers publish. */
  readonly any: Message;
  /** Of the data, by key. */
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  readonly #names = new SafeNames();
  readonly #byType = new Map<string, Message>();
  readonly #dataOf = new Map<Handler, string>();

  /** @param known Each handler's pattern is a kind, and each type that a schedule or the trigger publishes. */
  constructor(known: KnownHandlers) {
    const { handlers, schedules } = known;
    this.handled = handlers.map((handler) => this.#message(handler.type, typeSchema(handler.type), handler));
    for (const type of [...schedules.map(({ event }) => event.type), TRIGGERED]) {
      if (!this.#byType.has(type)) this.#message(type, { const: type }, known.find(type));
    }
    this.any = {
      key: this.#names.of("", "any-event"),
      name: "CloudEvent",
      summary: "Any event.",
      type: text("Any."),
      handler: null,
    };
    this.all = [...this.#byType.values(), this.any];
    this.schemas = Object.fromEntries(handlers.map((handler) => {
      const key = this.#dataOf.get(handler)!;
      return [key, jsonSchemaOf(handler.schema, ref(key)["$ref"] as string)];
    }));
  }

  /** What an event of this type is, among those that are published here. */
  ofType(type: string): Message {
    return this.#byType.get(type) ?? this.any;
  }

  /** Name of the schema that the data has. */
  dataOf(handler: Handler | null): string {
    return (handler === null ? undefined : this.#dataOf.get(handler)) ?? "anything";
  }

  #message(name: string, type: JsonSchema, handler: Handler | null): Message {
    const key = this.#names.of(name, name.replaceAll("*", "any"));
    const own = handler?.type === name;
    if (handler !== null && own) this.#dataOf.set(handler, `data.${key}`);
    const summary = own ? handledAs(name) : handler === null ? "Not handled here." : `Handled as \`${handler.type}\`.`;
    const message = { key, name, summary, type, handler };
    this.#byType.set(name, message);
    return message;
  }
}

function handledAs(pattern: string): string {
  if (!pattern.endsWith("*")) return "Handled here.";
  return `Types that fit \`${pattern}\`, unless a more exact handler is there.`;
}
