/** Handlers for the fuzz tests: they look at all of an event, and some fail. */
import { defineHandler, type Event } from "redis-stream-service";
import { z } from "zod";

/** Everything that a handler can read, read. */
function touch(event: Event<unknown>): number {
  return JSON.stringify([event, Object.entries(event.extensions), Date.parse(event.time)]).length;
}

let handled = 0;

export const takes = defineHandler({
  type: "fuzz.take.*",
  handle(event, ctx) {
    touch(event);
    // Hostile text on purpose: it must come out harmless.
    if (handled++ % 500 === 0) {
      ctx.log.info("took {subject} of {source}", { subject: event.subject, source: event.source });
    }
  },
});

export const fails = defineHandler({
  type: "fuzz.fail",
  maxDeliveries: 2,
  handle(event) {
    throw new Error(`cannot ${event.subject} with ${touch(event)}`);
  },
});

export const strict = defineHandler({
  type: "fuzz.strict",
  schema: z.object({ n: z.number() }),
  handle: (event) => void touch(event),
});
