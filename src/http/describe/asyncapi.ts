/**
 * `/asyncapi.json`: AsyncAPI 3.0, made from the registered handlers and schedules. An entry of a stream is a message: the
 * attributes of the event are its headers, `data` is its payload.
 * @module
 */
import type { Schedule } from "../../handling/define.ts";
import { ATTRIBUTES, DATA_OF_NOBODY } from "./asyncapi_common.ts";
import type { KnownHandlers, ServiceFacts } from "./facts.ts";
import { type Message, Messages, TRIGGERED } from "./messages.ts";
import { SafeNames } from "./names.ts";
import { ref } from "./schema_kit.ts";

type Json = Readonly<Record<string, unknown>>;

/** The document. Total: a schema that cannot be expressed is an open one. */
export function asyncApi(known: KnownHandlers, facts: ServiceFacts): Json {
  const messages = new Messages(known);
  const names = new SafeNames();
  const channels = facts.streams.map((stream) => ({ stream, key: names.of(stream, stream) }));
  return {
    asyncapi: "3.0.0",
    info: {
      title: facts.service.name,
      version: facts.service.version,
      description: "Events on Redis Streams: CloudEvents 1.0, a field for each attribute.",
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(channels.map(({ stream, key }, index) => [
      key,
      channel(stream, index === 0 ? messages.all : messages.handled),
    ])),
    operations: {
      ...(facts.consuming ? receiving(channels, messages.handled, facts) : {}),
      ...sending(channels[0]!.key, messages, known.schedules),
    },
    components: {
      messages: Object.fromEntries(messages.all.map((message) => [message.key, messageOf(message, messages)])),
      schemas: { attributes: ATTRIBUTES, anything: DATA_OF_NOBODY, ...messages.schemas },
    },
  };
}

function channel(stream: string, messages: readonly Message[]): Json {
  return {
    address: stream,
    title: stream,
    description: "A Redis stream.",
    messages: Object.fromEntries(messages.map(({ key }) => [key, { $ref: `#/components/messages/${key}` }])),
  };
}

function messageOf({ name, summary, type, handler }: Message, messages: Messages): Json {
  return {
    name,
    title: name,
    summary,
    headers: { type: "object", allOf: [ref("attributes"), { properties: { type } }] },
    payload: ref(messages.dataOf(handler)),
    correlationId: { location: "$message.header#/correlationid" },
  };
}

type Channels = readonly { readonly stream: string; readonly key: string }[];

function receiving(
  channels: Channels,
  handled: readonly Message[],
  { group }: ServiceFacts,
): Readonly<Record<string, Json>> {
  return Object.fromEntries(channels.map(({ stream, key }) => [
    `receive.${key}`,
    {
      ...operation("receive", key, handled),
      title: `Consumer group ${group}`,
      summary: `Handles what comes in ${stream}.`,
      description:
        "Each entry goes to one consumer of the group, to the most exact handler alone. What no handler fits is " +
        "acknowledged and counted as ignored; data that does not fit the schema is a dead letter.",
    },
  ]));
}

function sending(key: string, messages: Messages, schedules: readonly Schedule[]): Readonly<Record<string, Json>> {
  const names = new SafeNames();
  const scheduled = schedules.map(({ name, cron, everyMs, event }) => [
    `schedule.${names.of(name, name)}`,
    {
      ...operation("send", key, [messages.ofType(event.type)]),
      summary: cron === undefined
        ? `Every ${everyMs} ms, once across all replicas.`
        : `At \`${cron}\`, once across all replicas.`,
    },
  ]);
  return {
    "publish.http": {
      ...operation("send", key, [messages.any]),
      summary: "What clients publish with `POST /events`.",
    },
    "publish.trigger": {
      ...operation("send", key, [messages.ofType(TRIGGERED)]),
      summary: "What `POST /trigger-test-event` publishes.",
    },
    "publish.effects": {
      ...operation("send", key, [messages.any]),
      summary: "What handlers emit: in the same step as the acknowledgement, exactly once.",
    },
    ...Object.fromEntries(scheduled),
  };
}

function operation(action: "send" | "receive", key: string, messages: readonly Message[]): Json {
  const at = `#/channels/${key}`;
  return { action, channel: { $ref: at }, messages: messages.map((one) => ({ $ref: `${at}/messages/${one.key}` })) };
}
