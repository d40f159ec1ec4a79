import assert from "node:assert/strict";
import { type FlowSigns, flowState } from "./flow_state.ts";

const signs = (more: Partial<FlowSigns> = {}): FlowSigns => ({
  ...{ problem: null, paused: false, lag: 0, due: 0, parked: 0, pending: 0, consumers: 2 },
  ...{ inRate: 10, outRate: 10, idleMs: 0 },
  ...more,
});

const CASES: readonly (readonly [what: string, Partial<FlowSigns>, name: string, reason: RegExp])[] = [
  ["nothing waits", {}, "flowing", /^Nothing waits\.$/],
  ["retries wait", { parked: 1 }, "flowing", /One event waits for a retry/],
  ["a little waits", { lag: 500 }, "flowing", /^500 events wait and flow at 10 a second\.$/],
  ["one waits", { lag: 1 }, "flowing", /^One event waits and flows at 10 a second\.$/],
  [
    "nothing was finished for seconds",
    { lag: 5, outRate: 0, pending: 2 },
    "flowing",
    /^5 events wait; 2 held by consumers\.$/,
  ],
  [
    "a backlog of more than a minute",
    { lag: 12_000, outRate: 80 },
    "slow",
    /12,000 events wait; at 80 a second that takes 3 min/,
  ],
  ["more comes in than goes out", { lag: 12_000, inRate: 120, outRate: 80 }, "slow", /More comes in \(120 a second\)/],
  [
    "nothing is finished",
    { lag: 3, idleMs: 42_000, pending: 2 },
    "stuck",
    /3 events wait and nothing was finished for 42 s; 2 held/,
  ],
  ["retries are due and nothing is finished", { due: 1, idleMs: 31_000 }, "stuck", /One event waits/],
  ["a long handler alone", { pending: 1, idleMs: 600_000 }, "flowing", /^Nothing waits; 1 held by consumers\.$/],
  ["nobody reads", { lag: 3, consumers: 0 }, "stuck", /no consumer reads/],
  ["paused", { paused: true, lag: 9, idleMs: 99_000 }, "paused", /paused; 9 events wait/],
  ["Redis is away, and the group paused", { problem: "connection", paused: true }, "down", /cannot be reached/],
  ["Redis is full of clients", { problem: "max_clients" }, "down", /takes no further connection/],
  ["a cause that nobody knows", { problem: "durability" }, "down", /not ready: durability/],
];

for (const [what, more, name, reason] of CASES) {
  Deno.test(`state: ${what}: ${name}`, () => {
    const state = flowState(signs(more));
    assert.equal(state.name, name);
    assert.match(state.reason, reason);
    assert.equal(state.advice === null, name === "flowing", "whoever is told of a fault is told what to do");
  });
}
