import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress, parseAddress, parseHost, parsePort } from "./address.ts";

const HOSTS: readonly (readonly [string, string | null])[] = [
  ["localhost", "localhost"],
  ["redis_1.my-net", "redis_1.my-net"],
  ["redis.example.com.", "redis.example.com."],
  ["stack_redis.1", "stack_redis.1"],
  ["10.0.0.1", "10.0.0.1"],
  ["::1", "::1"],
  ["[::1]", "::1"],
  ["[::ffff:10.0.0.1]", "::ffff:10.0.0.1"],
  ["", null],
  ["-a", null],
  ["a-", null],
  ["a..b", null],
  ["10.0.0", null],
  ["10.0.0.256", null],
  ["[localhost]", null],
  ["[::1", null],
  ["::g", null],
  ["1:2", null],
  ["a b", null],
  ["a/b", null],
  ["user@host", null],
  ["ho\u0000st", null],
  ["a".repeat(254), null],
];

for (const [text, want] of HOSTS) {
  Deno.test(`the host ${JSON.stringify(text.slice(0, 30))} is read as ${want}`, () => {
    assert.equal(parseHost(text), want);
  });
}

Deno.test("a port is 1 to 65535 in plain digits", () => {
  assert.equal(parsePort("1"), 1);
  assert.equal(parsePort("65535"), 65_535);
  for (const text of ["0", "65536", "", "+1", "1e3", "080", " 80", "80a", "999999"]) {
    assert.equal(parsePort(text), null);
  }
});

Deno.test("an address needs a host and a port, and brackets around IPv6", () => {
  assert.deepEqual(parseAddress("a:1"), { host: "a", port: 1 });
  assert.deepEqual(parseAddress("[::1]:2"), { host: "::1", port: 2 });
  for (const text of ["a", "a:", ":1", "::1:2", "a:1:2", "redis://a:1", "u@a:1"]) {
    assert.equal(parseAddress(text), null);
  }
});

Deno.test("an address survives being written and read again", () => {
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
  fc.assert(fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
    assert.deepEqual(parseAddress(formatAddress({ host: name, port })), { host: name, port });
  }));
});
