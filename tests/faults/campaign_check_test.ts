/** The checker's teeth: fabricated histories, one for each thing that can go wrong. */
import assert from "node:assert/strict";
import {
  type CampaignHistory,
  CLASSES,
  type EventClass,
  type HandledLine,
  judge,
  type PublishedEvent,
} from "./campaign/check.ts";
import { type EventPlan, planOf } from "./campaign/plan.ts";

const PLAN: EventPlan = { ...planOf("any"), end: "effects", effects: 1, effectType: "effect.quiet" };
const SHA = "a".repeat(64);
const OTHER_SHA = "b".repeat(64);

/** A history in which one event, `x`, was published, handled and settled; changed in one way by each test. */
interface Story {
  outcome?: PublishedEvent["outcome"] | "never";
  plan?: Partial<EventPlan>;
  entries?: number;
  /** Numbers of the effects that are there. */
  effects?: readonly number[];
  letters?: number;
  starts?: number;
  handlerSaw?: string;
  effectSaw?: string;
  storedSha?: string;
  letterSha?: string;
}

function historyOf(story: Story): CampaignHistory {
  const { outcome = "ok", entries = 1, effects = [0], letters = 0, starts = 1 } = story;
  const plan = { ...PLAN, ...story.plan };
  const line: HandledLine = { at: 1, step: "start", id: "x", attempt: 1, who: "r0s1", sha: story.handlerSaw ?? SHA };
  const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
  return {
    published: new Map(outcome === "never" ? [] : [["x", { sha: SHA, plan, outcome }]]),
    entries: times(entries, { id: "x", sha: story.storedSha ?? SHA }),
    letters: times(letters, { id: "x", sha: story.letterSha ?? SHA }),
    effects: effects.map((number) => ({
      ...{ id: `effect-${number}`, type: plan.effectType, of: "x", number },
      ...{ sha: story.effectSaw ?? SHA, bodySha: SHA },
    })),
    handled: times(starts, line),
  };
}

const UNTOUCHED = { entries: 0, effects: [], starts: 0 };
const LETTER = { plan: { end: "letter", effects: 0 }, effects: [], letters: 1 } as const;

const CASES: readonly (readonly [what: string, story: Story, wanted: EventClass])[] = [
  ["settled with its effect", {}, "ok"],
  ["settled with its effect after three attempts", { starts: 3 }, "ok"],
  ["settled with three effects", { plan: { effects: 3 }, effects: [0, 1, 2] }, "ok"],
  ["dead as planned", LETTER, "ok"],
  ["unanswered, and settled", { outcome: "unknown" }, "ok"],
  ["unanswered, and nowhere", { outcome: "unknown", ...UNTOUCHED }, "unknown"],
  ["confirmed, and nowhere", UNTOUCHED, "lost"],
  ["in the stream and never handled", { effects: [], starts: 0 }, "lost"],
  ["handled without its effect", { effects: [] }, "lost"],
  ["one effect of three", { plan: { effects: 3 }, effects: [1] }, "lost"],
  ["gone from the stream", { entries: 0 }, "lost"],
  ["planned to die, and without a letter", { ...LETTER, letters: 0 }, "lost"],
  ["unanswered, in the stream and never handled", { outcome: "unknown", effects: [], starts: 0 }, "lost"],
  ["an effect twice", { effects: [0, 0] }, "duplicate"],
  ["one of three effects twice", { plan: { effects: 3 }, effects: [0, 1, 2, 1] }, "duplicate"],
  ["more effects than planned", { effects: [0, 1] }, "duplicate"],
  ["in the stream twice", { entries: 2 }, "duplicate"],
  ["two letters", { ...LETTER, letters: 2 }, "duplicate"],
  ["handled and dead", { letters: 1 }, "both"],
  ["handled twice and dead", { letters: 1, effects: [0, 0] }, "both"],
  ["the handler saw another body", { handlerSaw: OTHER_SHA }, "corrupt"],
  ["the effect tells of another body", { effectSaw: OTHER_SHA }, "corrupt"],
  ["the stream holds another body", { storedSha: OTHER_SHA }, "corrupt"],
  ["the letter holds another body", { ...LETTER, letterSha: OTHER_SHA }, "corrupt"],
  ["in the stream and published by nobody", { outcome: "never", effects: [], starts: 0 }, "phantom"],
  ["handled and published by nobody", { outcome: "never", entries: 0, effects: [] }, "phantom"],
  ["an effect of nothing", { outcome: "never", entries: 0, starts: 0 }, "phantom"],
  ["a letter of nothing", { outcome: "never", ...UNTOUCHED, letters: 1 }, "phantom"],
  ["refused, and settled", { outcome: "refused" }, "phantom"],
];

for (const [what, story, wanted] of CASES) {
  Deno.test(`an event ${what} is ${wanted}`, () => {
    const { classes } = judge(historyOf(story));
    const found = CLASSES.filter((name) => classes[name].includes("x"));
    assert.deepEqual(found, [wanted]);
  });
}

Deno.test("an effect that has a handler and was never handled is lost", () => {
  const history = historyOf({ plan: { effectType: "effect.loud" } });
  assert.deepEqual(judge(history).classes.lost, ["effect-0"]);
  const line: HandledLine = { at: 1, step: "start", id: "effect-0", attempt: 1, who: "r0s1", sha: SHA };
  assert.deepEqual(judge({ ...history, handled: [...history.handled, line] }).classes.lost, []);
  const wrong = { ...line, sha: OTHER_SHA };
  assert.deepEqual(judge({ ...history, handled: [...history.handled, wrong] }).classes.corrupt, ["effect-0"]);
});

Deno.test("an event that died although it was to be handled is no loss, and yet not as planned", () => {
  const verdict = judge(historyOf({ effects: [], letters: 1 }));
  assert.deepEqual(verdict.classes.ok, ["x"]);
  assert.deepEqual(verdict.strays, ["x"]);
  assert.deepEqual(judge(historyOf(LETTER)).strays, []);
});

Deno.test("what Redis refused and does not hold is no event", () => {
  const verdict = judge(historyOf({ outcome: "refused", ...UNTOUCHED }));
  assert.equal(verdict.refused, 1);
  assert.deepEqual(Object.values(verdict.classes).flat(), []);
});

Deno.test("every event is in exactly one class", () => {
  const verdicts = CASES.map(([, story]) => judge(historyOf(story)).classes);
  for (const classes of verdicts) assert.equal(Object.values(classes).flat().filter((id) => id === "x").length, 1);
});
