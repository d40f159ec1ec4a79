import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError, describeConfig, parseConfig, type ParsedConfig, SETTING_NAMES } from "../config.ts";
import type { Env } from "./read.ts";
import { SETTINGS } from "./table.ts";

const CANARY = "c4nary";

function attempt(env: Env, readFile: (path: string) => string): ParsedConfig | ConfigError {
  try {
    return parseConfig(env, { hostname: "h", version: "1", readFile, mintToken: () => "minted" });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function noFile(): string {
  throw new Deno.errors.NotFound(CANARY);
}

function canaryFile(path: string): string {
  return path.includes(CANARY) ? noFile() : `${CANARY}\n`;
}

const likely = fc.constantFrom(
  "true",
  "0",
  "1",
  "10",
  "8000",
  "99999999999",
  "-1",
  "1e3",
  "10s",
  "a",
  "a,b",
  "a:1,b:2",
  "redis://h/1",
  "unix:///s",
  "/some/file",
  "json",
  "none",
  "UTC",
  "replica:2",
  "development",
  "tcp://1.2.3.4:5",
);
const text = fc.oneof(likely, fc.string({ unit: "binary", maxLength: 50 }));
const name = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom<string>(...SETTING_NAMES) },
  {
    weight: 1,
    arbitrary: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("REDIS_URI", "__proto__", "constructor")),
  },
);
const environment = fc.dictionary(name, fc.option(text, { nil: undefined }), { maxKeys: 20 });

Deno.test("any environment gives a Config or a ConfigError with one line for each problem", () => {
  fc.assert(
    fc.property(environment, fc.boolean(), (env, hasFiles) => {
      const result = attempt(env, hasFiles ? () => "content" : noFile);
      if (result instanceof ConfigError) {
        assert.equal(result.message.split(/[\n\r\u0085\u2028\u2029]/).length, result.problems.length + 1);
        assert.ok(result.problems.length > 0);
        for (const problem of result.problems) assert.ok(problem.name in SETTINGS);
      } else assert.equal(describeConfig(result.config).length, SETTING_NAMES.length);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("every setting that is wrong by itself is reported, whatever else is wrong", () => {
  const wrong: Env = Object.fromEntries(
    SETTING_NAMES.filter((key) => key !== "REDIS_PW").map((key) => [key, "\u0000 bad"]),
  );
  fc.assert(
    fc.property(fc.subarray(Object.keys(wrong), { minLength: 1 }), (names) => {
      const result = attempt(Object.fromEntries(names.map((key) => [key, wrong[key]])), noFile);
      assert.ok(result instanceof ConfigError);
      for (const key of names) assert.ok(result.problems.some((problem) => problem.name === key), key);
    }),
    { numRuns: 500 },
  );
});

const canary = fc.string({ unit: "grapheme-ascii", maxLength: 12 }).map((noise) => `${CANARY}${noise}`);
const secretUrl = fc.tuple(
  fc.constantFrom("redis://", "rediss://", "unix://", "http://", "redis:", ""),
  fc.constantFrom("", "user", "us er", "%E0"),
  canary,
  fc.constantFrom("@h", "@h:1/2", "@h:99999", "@", "@/run/s?db=1", "@[::1]:2", "@h/x", "", ":1", "@h#f", " @h"),
).map(([scheme, user, password, rest]) => `${scheme}${user}:${password}${rest}`);

const planted = fc.record({
  REDIS_URL: secretUrl,
  REDIS_PW: canary,
  REDIS_PW_FILE: fc.constantFrom("/pw", CANARY),
  API_TOKEN: canary,
  ADMIN_TOKEN: canary,
  REDIS_PASSWORD: canary,
  // Mistakes: the secret in the wrong place, or beside something else.
  REDIS_HOST: fc.oneof(secretUrl.filter((url) => /:\/\/|.@/.test(url)), fc.constant("h")),
  REDIS_SENTINELS: fc.oneof(secretUrl.filter((url) => url.includes("@")), fc.constant("h:1")),
  REDIS_PORT: fc.oneof(fc.constant(`tcp://${CANARY}`), fc.constant("1")),
}, { requiredKeys: [] });

Deno.test("a planted secret occurs in no message, warning or description", () => {
  let accepted = 0;
  fc.assert(
    fc.property(planted, environment, fc.boolean(), (secrets, rest, hasFiles) => {
      const result = attempt({ ...rest, ...secrets }, hasFiles ? canaryFile : noFile);
      if (!(result instanceof ConfigError)) accepted++;
      const output = result instanceof ConfigError
        ? [result.message, result.stack, JSON.stringify(result.problems), Deno.inspect(result)]
        : [
          result.warnings,
          describeConfig(result.config),
          JSON.stringify(result.config),
          Deno.inspect(result.config, { depth: 9 }),
        ];
      assert.doesNotMatch(JSON.stringify(output), new RegExp(CANARY));
    }),
    { numRuns: 5000 },
  );
  assert.ok(accepted > 0, "some of these environments must be right, or nothing was described");
});

Deno.test("every secret that was given is listed for redaction", () => {
  const token = fc.stringMatching(/^[\x21-\x7e]{1,20}$/);
  fc.assert(
    fc.property(token, token, token, (api, admin, password) => {
      const env = { API_TOKEN: api, ADMIN_TOKEN: admin, REDIS_URL: `redis://:${encodeURIComponent(password)}@h` };
      const result = attempt(env, noFile);
      assert.ok(!(result instanceof ConfigError));
      for (const secret of [api, admin, password]) assert.ok(result.secrets.includes(secret));
    }),
  );
});
