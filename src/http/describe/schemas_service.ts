/**
 * Schemas of what the probes and publishing take and give.
 * @module
 */
import type { HealthReport, Readiness } from "../../health/report.ts";
import type { PublishReceipt } from "../deps.ts";
import {
  amount,
  count,
  ENTRY_ID,
  flag,
  type JsonSchema,
  listOf,
  oneOf,
  orNull,
  ref,
  shape,
  text,
} from "./schema_kit.ts";
import { TIME } from "./schema_kit.ts";

type Checks = HealthReport["checks"];
type Ready = Extract<Readiness, { status: "ready" }>;
type NotReady = Extract<Readiness, { status: "not_ready" }>;
/** As `problem.ts` writes it; further members say more of some codes. */
type ProblemDocument = Readonly<Record<"type" | "title" | "code" | "correlationId", string>> & {
  readonly status: number;
  readonly detail?: string;
};
/** As `unavailable.ts` writes it. */
type Refusal = { readonly success: false; readonly error: string; readonly retryAfter: number };
/** As `trigger.ts` writes it. */
type Triggered = Readonly<Record<"message" | "stream" | "eventId" | "entryId", string>> & { readonly success: true };
/** As `events_route.ts` writes it. */
type Published = { readonly events: readonly Omit<PublishReceipt, "stream">[]; readonly durability: string };

const STATUS = oneOf(["healthy", "unhealthy"]);
const CAUSE = text("A cause code.");

const CHECKS = shape<Checks>("", {
  redis: shape<Checks["redis"]>("Redis, as far as our work needs it.", {
    status: STATUS,
    latency: orNull(amount("Round trip, ms; null before the first.")),
    lastCheck: orNull(TIME),
    error: CAUSE,
  }, ["error"]),
  eventStream: shape<Checks["eventStream"]>("What the loops achieve.", {
    status: STATUS,
    consumerActive: flag(),
    lastMessage: orNull({ ...TIME, description: "Of this process; null before the first." }),
    error: CAUSE,
  }, ["error"]),
});

const ATTRIBUTE = { type: "string", minLength: 1, maxLength: 1_024 };

/** See the module's text. */
export const SERVICE_SCHEMAS = {
  Problem: shape<ProblemDocument>("A problem (RFC 9457). Some codes add members.", {
    type: text(),
    title: text("The same for every occurrence."),
    status: { type: "integer", minimum: 400, maximum: 599 },
    detail: text("What was found and what is wanted."),
    code: text("Switch on this, never on text."),
    correlationId: text("Names the request to the people who run the service."),
  }, ["detail"]),
  Ready: shape<Ready>("Ready.", { status: { const: "ready" }, timestamp: TIME }),
  NotReady: shape<NotReady>("Not ready.", { status: { const: "not_ready" }, reason: CAUSE, timestamp: TIME }),
  Health: shape<HealthReport>("The whole picture.", {
    status: oneOf(["healthy", "degraded", "unhealthy"], "`degraded`: works, but a person should look."),
    timestamp: TIME,
    service: shape<HealthReport["service"]>("", {
      name: text(),
      version: text(),
      uptime: amount("Seconds."),
    }),
    checks: CHECKS,
    warnings: listOf(text(), "Why it is degraded."),
  }, ["warnings"]),
  Triggered: shape<Triggered>("A test event was published.", {
    success: { const: true },
    message: text(),
    stream: text(),
    eventId: text(),
    entryId: ENTRY_ID,
  }),
  Refusal: shape<Refusal>("Redis is not usable.", {
    success: { const: false },
    error: text(),
    retryAfter: { ...count("Seconds."), minimum: 1 },
  }),
  Published: shape<Published>("What became of the events, in their order.", {
    events: listOf(shape<Published["events"][number]>("", {
      id: text(),
      entryId: orNull({ ...ENTRY_ID, description: "Null while a delayed event waits." }),
      deduplicated: flag("It was there already: nothing was added."),
    })),
    durability: {
      type: "string",
      pattern: "^(memory|fsync|replica:[0-9]+)$",
      description: "What was reached.",
    },
  }),
  CloudEvent: {
    type: "object",
    description: "A CloudEvent 1.0 in the JSON format. Every other member is an extension.",
    properties: {
      specversion: { const: "1.0" },
      id: { ...ATTRIBUTE, description: "Unique for its source: repeating it adds nothing." },
      source: ATTRIBUTE,
      type: { ...ATTRIBUTE, maxLength: 256 },
      subject: { ...orNull(ATTRIBUTE), description: "The ordering key." },
      time: orNull(TIME),
      datacontenttype: orNull({ ...ATTRIBUTE, maxLength: 256 }),
      data: { description: "JSON, or text for other content types." },
      data_base64: orNull({ type: "string", contentEncoding: "base64" }),
      deliverat: orNull({ ...TIME, description: "Held until then, at most 30 days." }),
    },
    required: ["specversion", "id", "source", "type"],
    additionalProperties: { type: ["string", "boolean", "integer", "null"] },
  },
  CloudEvents: listOf(ref("CloudEvent"), "Published all or not at all."),
} as const satisfies Readonly<Record<string, JsonSchema>>;
