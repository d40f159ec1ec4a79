import assert from "node:assert/strict";
import { MAX_URL_LENGTH, targetOf } from "./target.ts";

/** A request as the runtime hands it over: its URL is put together from what was sent, and may be nonsense. */
function sent(url: string, host?: string): Request {
  return { url, headers: new Headers(host === undefined ? {} : { host }) } as Request;
}

function outcome(request: Request): string | number {
  const target = targetOf(request);
  return target.ok ? target.path : target.problem.status;
}

Deno.test("the path is given exactly as it was sent, without the query", () => {
  const paths = [
    "/",
    "/health",
    "/../health",
    "/%2e%2e/health",
    "//health",
    "/a%2Fb",
    "/h\\x",
    "/h#x",
    "/<b>",
    "/*",
    "",
  ];
  for (const path of paths) assert.equal(outcome(sent(`http://a${path}`, "a")), path);
  assert.equal(outcome(sent("http://a/health?x=/y&z=%zz", "a")), "/health");
  assert.equal(outcome(sent("http+unix://%2Frun%2Fx.sock/health", "a")), "/health");
});

Deno.test("every sound host is taken", () => {
  for (
    const host of [
      "localhost",
      "localhost:8000",
      "127.0.0.1:1",
      "[::1]",
      "[::1]:8000",
      "my_service.ns.svc",
      "xn--bcher-kva.example",
    ]
  ) {
    assert.equal(outcome(sent(`http://${host}/h`, host)), "/h", host);
  }
  assert.equal(outcome(sent("http://localhost:8000/h")), "/h");
  assert.equal(outcome(sent("http://localhost:8000/h", "")), "/h");
});

Deno.test("a hostile host is a 400, wherever it stands, and never an exception", () => {
  const hosts = [
    "a b<script>",
    "a/health?",
    "a?b",
    "a#b",
    "u:p@a",
    "a:99999",
    "a:b",
    "\u00e9",
    "[::1::2]",
    "1.2.3.4.5",
    "a,b",
    "[",
    "xn--",
  ];
  for (const host of hosts) {
    assert.equal(
      outcome(sent(`http://${host}/h`, "a")),
      host === "a/health?" || host === "a?b" ? outcome(sent(`http://${host}/h`)) : 400,
      host,
    );
    const headers = { get: () => host } as unknown as Headers;
    assert.equal(outcome({ url: `http://${host}/h`, headers } as Request), 400, host);
  }
});

Deno.test("broken escapes and NUL are a 400", () => {
  for (const path of ["/%zz", "/%", "/%4", "/a%00b", "/%g1"]) {
    assert.equal(outcome(sent(`http://a${path}`, "a")), 400, path);
  }
});

Deno.test("a URL past the limit is a 414, one at the limit is not", () => {
  const base = "http://a/";
  assert.equal(outcome(sent(base + "x".repeat(MAX_URL_LENGTH - base.length + 1), "a")), 414);
  assert.notEqual(outcome(sent(base + "x".repeat(MAX_URL_LENGTH - base.length), "a")), 414);
});
