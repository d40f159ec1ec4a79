/**
 * Handlers of the two test events: they show that events flow. Keep them, or delete them with their schedule
 * (`TEST_EVENT_INTERVAL=0`).
 */
import { defineHandler } from "redis-stream-service";

/** Published every `TEST_EVENT_INTERVAL` ms, once across all replicas. */
export const testScheduled = defineHandler({
  type: "test.scheduled",
  handle(event, ctx) {
    ctx.log.info("Scheduled test event {eventId} handled", { eventId: event.id, entryId: event.entry.id });
  },
});

/** Published by `POST /trigger-test-event`; a JSON body becomes its data. */
export const testManual = defineHandler({
  type: "test.manual",
  handle(event, ctx) {
    ctx.log.info("Manual test event {eventId} handled", { eventId: event.id, entryId: event.entry.id });
  },
});
