/**
 * Schemas of what the admin API answers: the shapes of `admin/shapes.ts`, member by member.
 * @module
 */
import type {
  ConsumerOverview,
  Counts,
  EventItem,
  GroupOverview,
  Letter,
  Overview,
  Page,
  Place,
  RecentError,
  ReplayResult,
  Scaling,
  ScheduleItem,
  StreamOverview,
} from "../../admin/shapes.ts";
import {
  amount,
  count,
  ENTRY_ID,
  flag,
  listOf,
  mapOf,
  oneOf,
  orNull,
  ref,
  shape,
  text,
  TIME,
  time,
} from "./schema_kit.ts";
import type { JsonSchema } from "./schema_kit.ts";

/** Where an entry can be. */
const STATES = ["waiting", "held", "parked", "dead", "done", "trimmed"] as const satisfies readonly Place["state"][];

const COUNTS = {
  length: count("Entries in the stream."),
  lag: count("Entries that the group was not given yet."),
  pending: count("Entries that consumers hold."),
  parked: count("Entries that wait for their retry."),
  due: count("Of parked and delayed ones those whose time has come."),
  deadLetters: count(),
  delayed: count(),
  oldestAgeSeconds: amount("0: none."),
} as const satisfies Readonly<Record<keyof Counts, JsonSchema>>;

function pageOf(name: string): JsonSchema {
  return shape<Page<unknown>>("Part of a list.", {
    items: listOf(ref(name)),
    next: orNull(text("The cursor of the next part; null: that was all.")),
  });
}

const LETTERS: Readonly<Record<"Letter", JsonSchema>> = {
  Letter: shape<Letter>("A dead letter.", {
    id: { ...ENTRY_ID, description: "Its own entry id." },
    stream: text(),
    entryId: text("The original's entry id."),
    type: orNull(text()),
    reason: text("`max_deliveries`, `non_retryable`, `invalid`, `undecodable`, `crash_loop` or `unknown`."),
    error: text(),
    deliveries: count("Attempts that counted."),
    time: time("Given up on."),
    first: orNull(time("First counted attempt.")),
    last: orNull(time("Last counted attempt.")),
    consumer: orNull(text()),
    replays: count(),
    fields: ref("Fields"),
  }),
};

const PLACE = shape<Place>("Where an entry is. What a state does not know is absent.", {
  stream: text(),
  entryId: ENTRY_ID,
  state: oneOf(STATES),
  replay: flag("It was given back from the dead letters."),
  owner: orNull(text("Who holds it, or in whose care it is.")),
  since: time("Added, delivered or given up on, by state."),
  until: orNull(time("`parked`: tried again then; null: at once.")),
  leaseLeftMs: orNull(amount("Null for an owner that is not one of ours.")),
  letter: ref("Letter"),
  reason: text(),
  delivered: flag(),
  certain: flag("False where it may be a dead letter that lies too far back."),
  event: orNull(ref("EventItem")),
  attempts: count("Failures and crashes so far."),
  errors: listOf(shape<NonNullable<Place["errors"]>[number]>("", { time: orNull(TIME), message: text() })),
  firstFailure: orNull(TIME),
  lastFailure: orNull(TIME),
  replays: count(),
}, [
  ...["replay", "owner", "since", "until", "leaseLeftMs", "letter", "reason", "delivered", "certain"] as const,
  ...["attempts", "errors", "firstFailure", "lastFailure", "replays"] as const,
]);

const STREAM = shape<StreamOverview>("One stream.", {
  ...COUNTS,
  stream: text(),
  group: text(),
  paused: flag(),
  trimFloor: orNull(
    shape<NonNullable<StreamOverview["trimFloor"]>>("Trimming stops here.", { group: text(), entryId: ENTRY_ID }),
  ),
  groups: listOf(shape<GroupOverview>("", {
    name: text(),
    consumers: count(),
    pending: count(),
    lag: orNull(count("Null where Redis cannot tell.")),
    lastDelivered: ENTRY_ID,
    holdsTrimFloor: flag(),
  })),
  consumers: listOf(shape<ConsumerOverview>("", {
    name: text(),
    state: text("`alive`, `expired`, `fenced` or `foreign`."),
    pending: count(),
    parked: count(),
    holdsSince: orNull(TIME),
    leaseLeftMs: { type: "number" },
    idleMs: amount(),
  })),
});

/** See the module's text. */
export const ADMIN_SCHEMAS = {
  ...LETTERS,
  Fields: mapOf(
    { anyOf: [ref("FieldValue"), listOf(ref("FieldValue"))] },
    "The entry's fields by name. One that occurs several times has a list; one that is not UTF-8 is `base64:…`.",
  ),
  FieldValue: {
    anyOf: [text(), shape<{ base64: string }>("Not UTF-8.", { base64: text() })],
  },
  EventItem: shape<EventItem>("An entry as an event, as far as it can be read.", {
    stream: text(),
    entryId: ENTRY_ID,
    type: orNull(text("Null: undecodable.")),
    id: orNull(text()),
    source: orNull(text()),
    subject: orNull(text()),
    time: TIME,
    fields: ref("Fields"),
  }),
  Place: PLACE,
  Schedule: shape<ScheduleItem>("Either `cron` or `everyMs`.", {
    name: text(),
    cron: text(),
    everyMs: count(),
    type: text("Of what it publishes."),
    next: orNull(TIME),
    last: orNull(TIME),
  }, ["cron", "everyMs"]),
  Counts: shape<Counts>("", COUNTS),
  Stream: STREAM,
  RecentError: shape<RecentError>("", {
    time: TIME,
    kind: text(),
    stream: orNull(text()),
    entryId: orNull(text()),
    message: text(),
  }),
  Overview: shape<Overview>("Everything at a glance.", {
    timestamp: TIME,
    service: shape<Overview["service"]>("", { name: text(), version: text() }),
    redis: shape<Overview["redis"]>("", {
      status: oneOf(["healthy", "unhealthy"]),
      latency: orNull(amount("ms")),
      error: orNull(text("A cause code.")),
    }),
    paused: flag(),
    pausedSince: orNull(TIME),
    totals: ref("Counts"),
    streams: listOf(ref("Stream")),
    schedules: listOf(ref("Schedule")),
    lastErrors: listOf(ref("RecentError"), "Latest first, at most 20."),
  }),
  Scaling: shape<Scaling>("For an autoscaler.", {
    backlog: count("Undelivered, held and due."),
    oldestAgeSeconds: amount(),
  }),
  Replayed: shape<ReplayResult>("", { matched: count(), replayed: count() }),
  Deleted: shape<{ deleted: number }>("", { deleted: count() }),
  Paused: shape<{ paused: boolean }>("", { paused: flag() }),
  ScheduleRun: shape<{ name: string; eventId: string }>("One more occurrence.", { name: text(), eventId: text() }),
  EventPage: pageOf("EventItem"),
  LetterPage: pageOf("Letter"),
  SchedulePage: pageOf("Schedule"),
  ReplayFilter: {
    type: "object",
    description: "Which letters: all that fit. May also lie in a member `filter`.",
    properties: {
      type: text(),
      reason: text(),
      stream: text(),
      dryRun: flag("Only count."),
      filter: { type: "object" },
    },
    additionalProperties: false,
  },
} as const satisfies Readonly<Record<string, JsonSchema>>;
