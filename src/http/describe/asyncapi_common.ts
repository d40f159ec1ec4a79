/**
 * Schemas that every `/asyncapi.json` has: draft-07, the dialect of AsyncAPI.
 * @module
 */
import { type JsonSchema, text, time } from "./schema_kit.ts";

/** The attributes of an event, as fields of an entry. */
export const ATTRIBUTES: JsonSchema = {
  type: "object",
  description: "Attributes of a CloudEvent, each a field of the entry. Further fields are extensions.",
  properties: {
    id: text("Unique for its source."),
    type: text(),
    source: text(),
    subject: text("The ordering key."),
    time: time("The entry's where absent."),
    datacontenttype: { ...text("Media type of the data."), default: "application/json" },
    traceparent: text("W3C trace context."),
    correlationid: text("In the logs of whoever published and whoever handles."),
  },
  required: ["id", "type", "source"],
  additionalProperties: { type: "string" },
};

/** Of events that nobody here checks. */
export const DATA_OF_NOBODY: JsonSchema = { description: "Anything." };
