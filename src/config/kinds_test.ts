import assert from "node:assert/strict";
import * as kinds from "./kinds.ts";
import type { Kind } from "./kinds.ts";

interface Case {
  readonly kind: Kind<unknown>;
  readonly good: readonly (readonly [string, unknown])[];
  readonly bad: readonly string[];
}

const BAD_NUMBERS = [
  "10s",
  "1e3",
  "1.5",
  "1.0",
  "-1",
  "+1",
  " 8",
  "8 ",
  "8\n",
  "NaN",
  "Infinity",
  "0x10",
  "1_000",
  "08",
  "٣",
];

const CASES: Readonly<Record<string, Case>> = {
  integer: {
    kind: kinds.integer(0, 65_535),
    good: [["0", 0], ["8000", 8000], ["65535", 65_535]],
    bad: [...BAD_NUMBERS, "65536", "99999999999999999999"],
  },
  "integer with a lower bound": { kind: kinds.integer(10, 20), good: [["10", 10], ["20", 20]], bad: ["9", "21", "0"] },
  "largest integer": {
    kind: kinds.integer(1, Number.MAX_SAFE_INTEGER),
    good: [["9007199254740991", Number.MAX_SAFE_INTEGER]],
    bad: ["9007199254740992", "9007199254740993"],
  },
  timer: {
    kind: kinds.timer(1),
    good: [["1", 1], ["2147483647", 2_147_483_647]],
    bad: [...BAD_NUMBERS, "0", "2147483648"],
  },
  timers: {
    kind: kinds.timers(1),
    good: [["5", [5]], ["5000,15000,30000", [5000, 15_000, 30_000]], ["5, 6", [5, 6]]],
    bad: ["", ",", "5,", ",5", "5,,6", "5;6", "5,10s", "0", "5,-1", "5,1e3", Array(101).fill("5").join(",")],
  },
  flag: {
    kind: kinds.flag,
    good: [["true", true], ["1", true], ["TRUE", true], ["false", false], ["0", false], ["False", false]],
    bad: ["yes", "no", "on", "2", "tru", " true", "null"],
  },
  choice: {
    kind: kinds.choice("DEBUG", "INFO"),
    good: [["DEBUG", "DEBUG"], ["info", "INFO"]],
    bad: ["LOUD", "INFO ", "debug,info", "toString"],
  },
  line: { kind: kinds.line(3), good: [["a b", "a b"], ["ü", "ü"]], bad: ["abcd", "a\nb", "a\u0000", "\u0085"] },
  anything: { kind: kinds.anything, good: [[" \n ", " \n "]], bad: [] },
  name: {
    kind: kinds.name,
    good: [["a", "a"], ["orders:eu", "orders:eu"], ["a@b", "a@b"], ["x".repeat(256), "x".repeat(256)]],
    bad: ["@a", "a b", "a\tb", "a{b", "a}b", "a\u007f", "a\u2028b", "x".repeat(257)],
  },
  streams: {
    kind: kinds.streams,
    good: [["a", ["a"]], ["a,b", ["a", "b"]], ["a, b", ["a", "b"]], ["@a", ["@a"]]],
    bad: ["a,a", "a,,b", "a,", ",", " ", "{a}", "a b", "x".repeat(257), Array.from({ length: 65 }, (_, i) => i).join()],
  },
  host: { kind: kinds.host, good: [["::1", "::1"], ["a", "a"]], bad: ["a:1", "redis://a", "a b"] },
  addresses: {
    kind: kinds.addresses,
    good: [["a:1, [::1]:2", [{ host: "a", port: 1 }, { host: "::1", port: 2 }]]],
    bad: ["a", "a:1,", "a:0", "a:1;b:2", "redis://a:1"],
  },
  timezone: {
    kind: kinds.timezone,
    good: [["UTC", "UTC"], ["Europe/Berlin", "Europe/Berlin"], ["Asia/Calcutta", "Asia/Calcutta"]],
    bad: ["Mars/Olympus", "+01:00", "-0100", "Europe/", "Berlin", " UTC"],
  },
  durability: {
    kind: kinds.durability,
    good: [
      ["memory", { level: "memory" }],
      ["fsync", { level: "fsync" }],
      ["replica:1", { level: "replica", replicas: 1 }],
      ["replica:100", { level: "replica", replicas: 100 }],
    ],
    bad: [
      "disk",
      "replica",
      "replica:",
      "replica:0",
      "replica:101",
      "replica:-1",
      "replica:1.5",
      "replica:1,2",
      "replica: 1",
    ],
  },
  token: {
    kind: kinds.token,
    good: [["t", "t"], ["a-B_9~+/=", "a-B_9~+/="]],
    bad: ["a b", "a\n", "tokén", "\u007f", "x".repeat(4097)],
  },
};

for (const [title, { kind, good, bad }] of Object.entries(CASES)) {
  Deno.test(`${title}: takes what it says it wants`, () => {
    for (const [text, value] of good) assert.deepEqual(kind.parse(text), { ok: true, value }, text);
  });
  Deno.test(`${title}: refuses everything else`, () => {
    for (const text of bad) assert.equal(kind.parse(text).ok, false, JSON.stringify(text.slice(0, 40)));
  });
}

Deno.test("what an integer wants names its bounds and its unit", () => {
  assert.equal(kinds.timer(1, 9).want, "an integer from 1 to 9 (ms)");
});
