import assert from "node:assert/strict";
import { StoreUnavailableError } from "../../../errors.ts";
import { causeOfReply, needsFreshLink, nobodyAnswered, redact, refused, unavailable } from "./errors.ts";

const context = { doing: "connecting to Redis", secrets: ["s3cr3t"], tlsHandshake: false, outcomeUnknown: true };

function coded(code: string, message = "failed"): Error {
  return Object.assign(new Error(message), { code });
}

Deno.test("every error reply of the fault catalogue has its cause", () => {
  const table = {
    "LOADING Redis is loading the dataset in memory": "loading",
    "BUSY Redis is busy running a script.": "busy",
    "READONLY You can't write against a read only replica.": "readonly",
    "MASTERDOWN Link with MASTER is down": "readonly",
    "OOM command not allowed when used memory > 'maxmemory'.": "out_of_memory",
    "MISCONF Redis is configured to save RDB snapshots": "misconf",
    "NOREPLICAS Not enough good replicas to write.": "no_replicas",
    "CLUSTERDOWN Hash slot not served": "cluster_down",
    "TRYAGAIN Multiple keys request during rehashing of slot": "cluster_down",
    "NOAUTH Authentication required.": "auth",
    "WRONGPASS invalid username-password pair or user is disabled.": "auth",
    "ERR AUTH <password> called without any password configured for the default user.": "auth",
    "NOPERM this user has no permissions to run the 'xadd' command": "permission",
    "NOGROUP No such key 's' or consumer group 'g'": "no_group",
    "ERR no such key": "no_group",
    "ERR The XGROUP subcommand requires the key to exist.": "no_group",
    "WRONGTYPE Operation against a key holding the wrong kind of value": "wrong_type",
    "NOSCRIPT No matching script. Please use EVAL.": "no_script",
    "MOVED 12182 127.0.0.1:7001": "moved",
    "ASK 12182 127.0.0.1:7001": "cluster_down",
    "UNBLOCKED the stream key no longer exists": "unblocked",
    "ERR max number of clients reached": "max_clients",
    "ERR something else": "unknown",
    "constructor": "unknown",
    "": "unknown",
  };
  for (const [text, cause] of Object.entries(table)) assert.equal(causeOfReply(text), cause, text);
});

Deno.test("only replies that another node or another login would not give ask for a fresh link", () => {
  const fresh = (text: string): boolean => needsFreshLink(refused(new Error(text), "sending XADD to Redis", []));
  assert.ok(fresh("READONLY You can't write against a read only replica."));
  assert.ok(fresh("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"));
  assert.ok(fresh("MOVED 12182 127.0.0.1:7001"));
  assert.ok(fresh("NOAUTH Authentication required."));
  assert.ok(!fresh("UNBLOCKED the stream key no longer exists"));
  assert.ok(!fresh("UNBLOCKED client unblocked via CLIENT UNBLOCK"));
  assert.ok(!fresh("OOM command not allowed"));
  assert.ok(!fresh("LOADING Redis is loading"));
});

Deno.test("no text keeps a secret: neither a URL's, nor an echoed argument, nor a known one", () => {
  const url = redact("Invalid URL: 'redis://:p@ss/word@127.0.0.1:99999'", []);
  assert.ok(!url.includes("ss/word"), url);
  const echoed = redact("ERR unknown command 'AUTH', with args beginning with: 'user' 'hunter2' ", []);
  assert.ok(!echoed.includes("hunter2"), echoed);
  assert.equal(redact("a s3cr3t b s3cr3t", ["s3cr3t", ""]), "a *** b ***");
});

Deno.test("an error whose text held a secret is not kept as cause, any other is", () => {
  const leaky = refused(new Error("ERR wrong: s3cr3t"), "sending AUTH to Redis", ["s3cr3t"]);
  assert.equal(leaky.cause, undefined);
  assert.ok(!Deno.inspect(leaky).includes("s3cr3t"));
  const plain = new Error("ERR wrong");
  assert.equal(refused(plain, "sending X to Redis", ["s3cr3t"]).cause, plain);
  const link = unavailable(new Error("redis://u:s3cr3t@h"), context);
  assert.ok(!Deno.inspect(link).includes("s3cr3t"));
});

Deno.test("MOVED says what to configure", () => {
  assert.match(refused(new Error("MOVED 1 h:1"), "sending XADD to Redis", []).message, /REDIS_CLUSTER_NODES/);
});

Deno.test("socket errors tell whether anybody answered", () => {
  const silent = ["ECONNREFUSED", "EHOSTUNREACH", "ENOTFOUND", "ENOENT", "ETIMEDOUT"];
  for (const code of silent) assert.ok(nobodyAnswered(unavailable(coded(code), context)), code);
  for (const code of ["ECONNRESET", "EPIPE"]) assert.ok(!nobodyAnswered(unavailable(coded(code), context)), code);
  assert.ok(nobodyAnswered(new StoreUnavailableError("timeout", "t")));
  assert.ok(!nobodyAnswered(refused(new Error("NOAUTH x"), "connecting to Redis", [])));
  const wrapped = new StoreUnavailableError("connection", "asking", {
    cause: unavailable(new AggregateError([coded("ECONNREFUSED")]), context),
  });
  assert.ok(nobodyAnswered(wrapped));
});

Deno.test("protocol errors, TLS errors and ends of links have their causes", () => {
  const cause = (error: unknown, tlsHandshake = false): string =>
    unavailable(error, { ...context, tlsHandshake }).reason;
  assert.equal(cause(new Error('Unknown RESP type 120 "x"')), "protocol");
  assert.equal(cause(new TypeError("Cannot read properties of undefined (reading 'reject')")), "protocol");
  assert.equal(cause(new RangeError("Invalid array length")), "protocol");
  assert.equal(cause(coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), true), "tls");
  assert.equal(cause(coded("ERR_TLS_CERT_ALTNAME_INVALID"), true), "tls");
  assert.equal(cause(new Error("invalid peer certificate: UnknownIssuer"), true), "tls");
  assert.equal(cause(coded("ECONNREFUSED"), true), "connection");
  assert.equal(cause(coded("ECONNRESET")), "connection");
  assert.equal(cause("odd"), "connection");
});

Deno.test("a command that was never written has a known outcome", () => {
  class ClientOfflineError extends Error {}
  class DisconnectsClientError extends Error {}
  assert.equal(unavailable(new ClientOfflineError("x"), context).outcomeUnknown, false);
  assert.equal(unavailable(new DisconnectsClientError("x"), context).outcomeUnknown, true);
});
