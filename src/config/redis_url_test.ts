import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRedisUrl, type RedisTarget, secretsInUrl } from "./redis_url.ts";

type Expected = readonly [
  place: string | readonly [string, number],
  user: string | null,
  password: string | null,
  db?: number,
];

const GOOD: Readonly<Record<string, Expected>> = {
  "redis://h": [["h", 6379], null, null],
  "redis://h/": [["h", 6379], null, null],
  "REDIS://h:1": [["h", 1], null, null],
  "redis://h:1/0": [["h", 1], null, null],
  "redis://h:1/15": [["h", 1], null, null, 15],
  "redis://h?db=3": [["h", 6379], null, null, 3],
  "redis://h/3?db=3": [["h", 6379], null, null, 3],
  "redis://[::1]:7/2": [["::1", 7], null, null, 2],
  "redis://[fe80::1]": [["fe80::1", 6379], null, null],
  "redis://10.0.0.1:1": [["10.0.0.1", 1], null, null],
  "redis://my_redis.net_1": [["my_redis.net_1", 6379], null, null],
  "redis://user:pw@h": [["h", 6379], "user", "pw"],
  "redis://:pw@h": [["h", 6379], null, "pw"],
  "redis://user@h": [["h", 6379], "user", null],
  "redis://user:@h": [["h", 6379], "user", null],
  "redis://:@h": [["h", 6379], null, null],
  "redis://@h": [["h", 6379], null, null],
  "redis://:p@s:s/w#r?d@h:1/2": [["h", 1], null, "p@s:s/w#r?d", 2],
  "redis://us%3Aer:p%40%25%2F@h": [["h", 6379], "us:er", "p@%/"],
  "redis://:100%@h": [["h", 6379], null, "100%"],
  "redis://:%zz@h": [["h", 6379], null, "%zz"],
  "redis://:pä%20ß@h": [["h", 6379], null, "pä ß"],
  "redis://:%C3%A4@h": [["h", 6379], null, "ä"],
  "redis://:pw@[::1]:9": [["::1", 9], null, "pw"],
  "unix:///run/redis.sock": ["/run/redis.sock", null, null],
  "unix:///run/redis.sock?db=4": ["/run/redis.sock", null, null, 4],
  "unix:///run/my%20redis%3F.sock": ["/run/my redis?.sock", null, null],
  "unix:///run/a@b.sock": ["/run/a@b.sock", null, null],
  "unix://user:p/w@x@/run/r.sock?db=1": ["/run/r.sock", "user", "p/w@x", 1],
};

for (const [text, [place, user, password, db = 0]] of Object.entries(GOOD)) {
  Deno.test(`${text} is read`, () => {
    const parsed = parseRedisUrl(text);
    assert.ok(parsed.ok);
    const { secrets: _, tls, ...rest } = parsed.value;
    const expected = typeof place === "string"
      ? { kind: "unix", path: place }
      : { kind: "single", address: { host: place[0], port: place[1] } };
    assert.deepEqual(rest, { place: expected, user, password, db });
    assert.equal(tls, false);
  });
}

const BAD: Readonly<Record<string, RegExp>> = {
  "canary": /without a scheme/,
  "canary:6379": /without a scheme/,
  "//canary": /without a scheme/,
  "http://canary": /unknown scheme/,
  "canary://h": /unknown scheme/,
  "redis:canary": /without a scheme/,
  "redis://": /host/,
  "redis:///0": /host/,
  "redis://:canary@": /host/,
  "redis://:canary@:6379": /host/,
  "redis://user:canary:6379": /cannot be read|port/,
  "redis://:canary@h:0": /port/,
  "redis://:canary@h:": /port/,
  "redis://:canary@h:99999": /port/,
  "redis://:canary@h:80a": /port/,
  "redis://:canary@h/abc": /database/,
  "redis://:canary@h/-1": /database/,
  "redis://:canary@h/1.5": /database/,
  "redis://:canary@h/65536": /database/,
  "redis://:canary@h/1/2": /database/,
  "redis://:canary@h/1?db=2": /database/,
  "redis://:canary@h?timeout=1": /database/,
  "redis://:canary@h/0#f": /cannot be read/,
  "redis://:canary@[::1": /host|cannot be read/,
  "redis://:canary@[zz]": /host/,
  "redis://:canary@1.2.3.999": /host/,
  "redis://:canary%E0%A4@h": /escape/,
  "redis://:canary%41%@h": /escape/,
  "redis://:can ary@h": /whitespace/,
  "redis://:canary@h\n": /whitespace/,
  " redis://h": /whitespace/,
  "unix://": /socket path/,
  "unix:///": /socket path/,
  "unix://canary": /socket path/,
  "unix://:canary@relative": /socket path/,
  "unix:///run/canary/": /socket path/,
  "unix:///run/canary#f": /socket path/,
  "unix:///run/canary%00": /socket path/,
  "unix:///run/canary?db=x": /database/,
  [`unix:///${"canary".repeat(18)}`]: /socket path/,
};

for (const [text, why] of Object.entries(BAD)) {
  Deno.test(`${JSON.stringify(text.slice(0, 40))} is refused without a word of it`, () => {
    const parsed = parseRedisUrl(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.got ?? "", why);
    assert.match(parsed.got ?? "", /\(value hidden\)$/);
    assert.doesNotMatch(parsed.got ?? "", /canary/);
  });
}

Deno.test("rediss:// turns TLS on", () => {
  const parsed = parseRedisUrl("rediss://h");
  assert.ok(parsed.ok && parsed.value.tls);
});

Deno.test("the secrets of a URL are itself and its password, as written and as decoded", () => {
  assert.deepEqual(secretsInUrl("redis://u:p%40w@h"), ["redis://u:p%40w@h", "p%40w", "p@w"]);
  assert.deepEqual(secretsInUrl("redis://h:1/2"), []);
});

Deno.test("a lone word before @ counts as a secret, since some clients take it for the password", () => {
  assert.deepEqual(secretsInUrl("redis://word@h"), ["redis://word@h", "word", "word"]);
  assert.deepEqual(secretsInUrl("redis://default@h"), ["redis://default@h"]);
});

Deno.test("the secrets of an unreadable URL are found too", () => {
  assert.ok(secretsInUrl("redis://u:canary@h:99999").includes("canary"));
  assert.ok(secretsInUrl("u:canary@h").includes("canary"));
});

const password = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });

Deno.test("any user and password come back when they are written as escapes", () => {
  fc.assert(
    fc.property(password, password, fc.integer({ min: 0, max: 65_535 }), (user, pw, db) => {
      const parsed = parseRedisUrl(`redis://${encodeURIComponent(user)}:${encodeURIComponent(pw)}@h:1/${db}`);
      assert.ok(parsed.ok);
      assert.deepEqual(pick(parsed.value), { user, password: pw, db });
    }),
    { numRuns: 2000 },
  );
});

Deno.test("any password without whitespace and escapes comes back when it is written as it is", () => {
  const raw = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !/\s|%[0-9a-f]{2}/i.test(text));
  fc.assert(
    fc.property(raw, (pw) => {
      for (const text of [`redis://u:${pw}@h/3`, `unix://u:${pw}@/run/x?db=3`]) {
        const parsed = parseRedisUrl(text);
        assert.ok(parsed.ok, text);
        assert.deepEqual(pick(parsed.value), { user: "u", password: pw, db: 3 });
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("no text makes it throw", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.tuple(fc.constantFrom("redis://", "rediss://", "unix://", "http://"), fc.string({ unit: "binary" })).map((t) =>
      t.join("")
    ),
    fc.webUrl({ validSchemes: ["redis", "unix"], withFragments: true, withQueryParameters: true }),
  );
  fc.assert(fc.property(text, (value) => typeof parseRedisUrl(value).ok === "boolean"), { numRuns: 3000 });
});

function pick({ user, password, db }: RedisTarget): Pick<RedisTarget, "user" | "password" | "db"> {
  return { user, password, db };
}
