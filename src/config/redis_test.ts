import assert from "node:assert/strict";
import { ConfigError } from "./error.ts";
import { parseConfig } from "./parse.ts";
import type { Env } from "./read.ts";
import { passwordFromFile } from "./secret_file.ts";
import type { ConfigProblem, ParsedConfig } from "./types.ts";

const FILES: Readonly<Record<string, string>> = {
  "/f/pw": "file-password\n",
  "/f/crlf": " file password \r\n",
  "/f/empty": "\n",
  "/f/ca": "pem",
  "/f/cert": "pem",
  "/f/key": "pem",
};

function readFile(path: string): string {
  if (path === "/f") throw new Deno.errors.IsADirectory("canary");
  if (path === "/f/denied") throw new Deno.errors.PermissionDenied("canary");
  if (path === "/f/sandboxed") throw new Deno.errors.NotCapable("canary");
  if (path === "/f/odd") throw "canary";
  const text = FILES[path];
  if (text === undefined) throw new Deno.errors.NotFound("canary");
  return text;
}

function parse(env: Env): ParsedConfig {
  return parseConfig(env, { hostname: "h", version: "1", readFile, mintToken: () => "m" });
}

function problemsOf(env: Env): readonly ConfigProblem[] {
  try {
    parse(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

const topologyOf = (env: Env): unknown => parse(env).config.redis.topology;

Deno.test("each way to name Redis gives its topology", () => {
  const single = { kind: "single", address: { host: "a", port: 1 } };
  assert.deepEqual(topologyOf({ REDIS_URL: "redis://a:1" }), single);
  assert.deepEqual(topologyOf({ REDIS_HOST: "a", REDIS_PORT: "1" }), single);
  assert.deepEqual(topologyOf({ REDIS_URL: "unix:///s" }), { kind: "unix", path: "/s" });
  assert.deepEqual(topologyOf({ REDIS_EMBEDDED_DIR: "d" }), { kind: "embedded", dir: "d" });
  assert.deepEqual(topologyOf({ REDIS_SENTINELS: "a:1", REDIS_SENTINEL_MASTER: "m" }), {
    kind: "sentinel",
    sentinels: [{ host: "a", port: 1 }],
    master: "m",
  });
  assert.deepEqual(topologyOf({ REDIS_CLUSTER_NODES: "a:1,b:2" }), {
    kind: "cluster",
    nodes: [{ host: "a", port: 1 }, { host: "b", port: 2 }],
  });
});

Deno.test("the single parts carry login and database", () => {
  const { redis } = parse({ REDIS_HOST: "a", REDIS_USER: "u", REDIS_PW: "secret", REDIS_DB: "3" }).config;
  assert.equal(redis.user, "u");
  assert.equal(redis.password?.reveal(), "secret");
  assert.equal(redis.db, 3);
});

Deno.test("a URL wins over all single parts, with a warning that names them", () => {
  const { config, warnings, secrets } = parse({
    REDIS_URL: "redis://a:1/2",
    REDIS_HOST: "b",
    REDIS_PORT: "7",
    REDIS_USER: "u",
    REDIS_PW: "canary",
    REDIS_DB: "5",
  });
  assert.deepEqual(config.redis.topology, { kind: "single", address: { host: "a", port: 1 } });
  assert.equal(config.redis.user, null);
  assert.equal(config.redis.password, null);
  assert.equal(config.redis.db, 2);
  assert.deepEqual(warnings, [
    "REDIS_URL wins over the single parts: REDIS_HOST, REDIS_PORT, REDIS_USER, REDIS_PW, REDIS_DB ignored",
  ]);
  assert.deepEqual(secrets, ["canary"]);
});

Deno.test("the secrets hold every form of a URL's password", () => {
  const { config, secrets } = parse({ REDIS_URL: "redis://u:p%40w@a" });
  assert.equal(config.redis.password?.reveal(), "p@w");
  assert.deepEqual(secrets, ["redis://u:p%40w@a", "p%40w", "p@w"]);
});

const PLACES: Env = { REDIS_URL: "redis://a", REDIS_HOST: "a", REDIS_SENTINELS: "a:1", REDIS_CLUSTER_NODES: "a:1" };
const CONFLICTS: readonly (readonly [readonly string[], readonly string[]])[] = [
  [["REDIS_URL", "REDIS_SENTINELS"], ["REDIS_SENTINELS"]],
  [["REDIS_HOST", "REDIS_SENTINELS"], ["REDIS_SENTINELS"]],
  [["REDIS_HOST", "REDIS_CLUSTER_NODES"], ["REDIS_CLUSTER_NODES"]],
  [["REDIS_SENTINELS", "REDIS_CLUSTER_NODES"], ["REDIS_CLUSTER_NODES"]],
  [["REDIS_URL", "REDIS_SENTINELS", "REDIS_CLUSTER_NODES"], ["REDIS_SENTINELS", "REDIS_CLUSTER_NODES"]],
];

for (const [names, wrong] of CONFLICTS) {
  Deno.test(`${names.join(" and ")} together are a problem`, () => {
    const env = Object.fromEntries(names.map((name) => [name, PLACES[name]]));
    assert.deepEqual(problemsOf(env).map(({ name }) => name), wrong);
  });
}

Deno.test("a cluster has only database 0", () => {
  assert.equal(problemsOf({ REDIS_CLUSTER_NODES: "a:1", REDIS_DB: "1" })[0]?.name, "REDIS_DB");
  assert.deepEqual(problemsOf({ REDIS_CLUSTER_NODES: "a:1", REDIS_DB: "0" }), []);
  assert.equal(problemsOf({ REDIS_CLUSTER_NODES: "a:1", REDIS_DB: "x" }).length, 1);
});

Deno.test("the embedded Redis takes no login and no TLS, and says so", () => {
  const { config, warnings } = parse({ REDIS_PORT: "1", REDIS_PW: "pw", REDIS_TLS_ENABLED: "true" });
  assert.equal(config.redis.password, null);
  assert.equal(config.redis.tls, null);
  assert.match(warnings.join(), /embedded Redis is used: REDIS_PORT, REDIS_PW, REDIS_TLS_ENABLED ignored/);
});

Deno.test("a password file wins over a password and its content is a secret", () => {
  for (const place of [{ REDIS_HOST: "a", REDIS_PW: "other" }, { REDIS_URL: "redis://:other@a" }]) {
    const { config, warnings, secrets } = parse({ ...place, REDIS_PW_FILE: "/f/pw" });
    assert.equal(config.redis.password, null);
    assert.equal(config.redis.passwordFile, "/f/pw");
    assert.ok(secrets.includes("file-password") && secrets.includes("other"));
    assert.deepEqual(warnings, ["REDIS_PW_FILE wins: the password given otherwise is ignored"]);
  }
});

Deno.test("one line break at the end of a password file is not part of the password", () => {
  assert.equal(passwordFromFile("a\n"), "a");
  assert.equal(passwordFromFile("a\r\n"), "a");
  assert.equal(passwordFromFile("a\n\n"), "a\n");
  assert.equal(passwordFromFile(" a "), " a ");
  assert.ok(parse({ REDIS_HOST: "a", REDIS_PW_FILE: "/f/crlf" }).secrets.includes(" file password "));
});

const BAD_FILES: Readonly<Record<string, RegExp>> = {
  "/f/missing": /"\/f\/missing", which does not exist/,
  "/f": /is a directory/,
  "/f/denied": /this user may not read/,
  "/f/sandboxed": /--allow-read/,
  "/f/odd": /cannot be read/,
  "/f/empty": /is empty/,
};

for (const name of ["REDIS_PW_FILE", "REDIS_TLS_CA_FILE"]) {
  for (const [path, got] of Object.entries(BAD_FILES)) {
    Deno.test(`${name}=${path} is one problem, without the foreign error's text`, () => {
      const [problem, ...others] = problemsOf({ REDIS_URL: "rediss://a", [name]: path });
      assert.equal(problem?.name, name);
      assert.match(problem?.got ?? "", got);
      assert.doesNotMatch(problem?.got ?? "", /canary/);
      assert.deepEqual(others, []);
    });
  }
}

Deno.test("a password in the place of its file's name is not shown", () => {
  const [problem] = problemsOf({ REDIS_HOST: "a", REDIS_PW_FILE: "canary" });
  assert.equal(problem?.name, "REDIS_PW_FILE");
  assert.doesNotMatch(JSON.stringify(problem), /canary/);
});

Deno.test("without a way to read files they are not checked", () => {
  const env = { REDIS_HOST: "a", REDIS_PW_FILE: "/nowhere" };
  const { config } = parseConfig(env, { hostname: "h", version: "1", mintToken: () => "m" });
  assert.equal(config.redis.passwordFile, "/nowhere");
});

Deno.test("rediss:// or REDIS_TLS_ENABLED turns TLS on, with its files", () => {
  const files = { REDIS_TLS_CA_FILE: "/f/ca", REDIS_TLS_CERT_FILE: "/f/cert", REDIS_TLS_KEY_FILE: "/f/key" };
  const tls = { caFile: "/f/ca", certFile: "/f/cert", keyFile: "/f/key", servername: "n" };
  for (
    const place of [
      { REDIS_URL: "rediss://a" },
      { REDIS_URL: "redis://a", REDIS_TLS_ENABLED: "true" },
      { REDIS_HOST: "a", REDIS_TLS_ENABLED: "1" },
      { REDIS_SENTINELS: "a:1", REDIS_TLS_ENABLED: "1" },
      { REDIS_CLUSTER_NODES: "a:1", REDIS_TLS_ENABLED: "1" },
    ]
  ) {
    const { config, warnings } = parse({ ...place, ...files, REDIS_TLS_SERVERNAME: "n" });
    assert.deepEqual(config.redis.tls, tls);
    assert.deepEqual(warnings, []);
  }
});

Deno.test("a certificate needs its key and a key its certificate", () => {
  const base = { REDIS_URL: "rediss://a" };
  assert.equal(problemsOf({ ...base, REDIS_TLS_CERT_FILE: "/f/cert" })[0]?.name, "REDIS_TLS_KEY_FILE");
  assert.equal(problemsOf({ ...base, REDIS_TLS_KEY_FILE: "/f/key" })[0]?.name, "REDIS_TLS_CERT_FILE");
});

Deno.test("TLS over a Unix socket is a problem", () => {
  assert.equal(problemsOf({ REDIS_URL: "unix:///s", REDIS_TLS_ENABLED: "true" })[0]?.name, "REDIS_TLS_ENABLED");
});

const WARNED: readonly (readonly [Env, RegExp])[] = [
  [{ REDIS_HOST: "a", REDIS_TLS_CA_FILE: "/f/ca" }, /TLS is off: REDIS_TLS_CA_FILE ignored/],
  [{ REDIS_URL: "rediss://a", REDIS_TLS_ENABLED: "false" }, /rediss:\/\/ turns TLS on: REDIS_TLS_ENABLED ignored/],
  [{ REDIS_HOST: "a", REDIS_SENTINEL_MASTER: "m" }, /no REDIS_SENTINELS: REDIS_SENTINEL_MASTER ignored/],
  [{ REDIS_CLUSTER_NODES: "a:1", REDIS_PORT: "1" }, /REDIS_PORT counts only beside REDIS_HOST/],
  [{ REDIS_URL: "redis://canary@a" }, /REDIS_URL names a user without a password/],
  [{ REDIS_HOST: "a", REDIS_USER: "canary" }, /REDIS_USER names a user without a password/],
];

for (const [env, warning] of WARNED) {
  Deno.test(`${Object.keys(env).join(" and ")}: one warning, without values`, () => {
    const { warnings } = parse(env);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", warning);
    assert.doesNotMatch(warnings[0] ?? "", /canary/);
  });
}
