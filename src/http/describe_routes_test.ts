import assert from "node:assert/strict";
import { defineHandler } from "../handling/define.ts";
import type { DescriptionSource, KnownHandlers } from "./describe/facts.ts";
import { fixture } from "./fixtures_test.ts";

const PATHS = ["/openapi.json", "/asyncapi.json"];
const HANDLER = defineHandler({ type: "order.placed", handle: () => {} });
const KNOWN: KnownHandlers = { handlers: [HANDLER], schedules: [], find: () => HANDLER };

function source(handlers: DescriptionSource["handlers"] = () => KNOWN): DescriptionSource {
  return {
    service: { name: "svc", version: "1.2.3" },
    streams: ["orders"],
    group: "g",
    consuming: true,
    tokens: { api: true, admin: true },
    handlers,
  };
}

Deno.test("both descriptions are given to everybody, with security headers and a tag", async () => {
  const { ask, requests } = fixture({ description: source(), settings: { apiToken: "s3cret-token-of-publishing" } });
  for (const path of PATHS) {
    const response = await ask(path);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("cache-control"), "no-cache");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.match(response.headers.get("etag") ?? "", /^"[\w-]{27}"$/);
    const text = await response.text();
    assert.deepEqual([JSON.parse(text).info.title, JSON.parse(text).info.version], ["svc", "1.2.3"]);
    assert.ok(!text.includes("s3cret"));
    assert.equal((await ask(path, { method: "POST" })).status, 405);
  }
  assert.deepEqual(requests.map(({ route }) => route), [PATHS[0], PATHS[0], PATHS[1], PATHS[1]]);
});

Deno.test("who has a description already is told that nothing changed", async () => {
  const { ask } = fixture({ description: source() });
  for (const path of PATHS) {
    const first = await ask(path);
    const tag = first.headers.get("etag")!;
    await first.body?.cancel();
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const again = await ask(path, { headers: { "If-None-Match": known } });
      assert.deepEqual([again.status, again.body, again.headers.get("etag")], [304, null, tag], known);
    }
    const other = await ask(path, { headers: { "If-None-Match": '"other"' } });
    assert.equal(other.status, 200);
    await other.body?.cancel();
  }
});

Deno.test("until the handlers are known there is no description, and none is remembered", async () => {
  let known: KnownHandlers | null = null;
  const { ask } = fixture({ description: source(() => known) });
  for (const path of PATHS) {
    const early = await ask(path);
    assert.deepEqual([early.status, early.headers.get("retry-after")], [503, "1"], path);
    assert.equal(early.headers.get("content-type"), "application/problem+json");
    assert.equal((await early.json()).code, "starting");
  }
  known = KNOWN;
  for (const path of PATHS) assert.equal((await ask(path)).status, 200, path);
});

Deno.test("a description is made once", async () => {
  let asked = 0;
  const counting: KnownHandlers = {
    ...KNOWN,
    get handlers() {
      asked++;
      return [HANDLER];
    },
  };
  const { ask } = fixture({ description: source(() => counting) });
  const texts = await Promise.all(Array.from({ length: 20 }, async () => (await ask("/asyncapi.json")).text()));
  assert.equal(new Set(texts).size, 1);
  assert.equal(asked, 1);
});
