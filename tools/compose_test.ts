/** `docker-compose.yml` passes every setting on, but those that it decides itself. */
import assert from "node:assert/strict";
import { SETTING_NAMES } from "../src/config/table.ts";

/** Where things are inside the container, which the owner's `.env` describes for a machine. */
const DECIDED = /^(HOST|SERVICE_PORT|CONSUMER_NAME|HANDLERS|REDIS_.*)$/;

Deno.test("compose passes every setting on, and no other name", async () => {
  const text = await Deno.readTextFile("docker-compose.yml");
  const block = /^ {4}environment:\n((?: {6}.*\n)+)/m.exec(text)?.[1] ?? "";
  const named = [...block.matchAll(/^ {6}([A-Z_]+):/gm)].map((match) => match[1]!);
  const wanted = SETTING_NAMES.filter((name) => !DECIDED.test(name));
  assert.deepEqual(named.filter((name) => name !== "REDIS_HOST").sort(), [...wanted].sort());
});
