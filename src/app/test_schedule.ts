/**
 * The scheduled test event, there from the first start so that a new user sees events flow.
 * @module
 */
import { defineSchedule, type Schedule } from "../handling/define.ts";

/** @param everyMs `TEST_EVENT_INTERVAL`; 0: none. */
export function testSchedule(everyMs: number): readonly Schedule[] {
  if (everyMs === 0) return [];
  return [defineSchedule({
    name: "test.scheduled",
    everyMs,
    event: { type: "test.scheduled", data: { message: "Scheduled test event" } },
  })];
}
