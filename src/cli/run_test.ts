import assert from "node:assert/strict";
import { publish } from "../../testing/conformance/steps.ts";
import { bury, type CoreFixture, coreFixture } from "../admin/fixtures_test.ts";
import type { Diagnosis } from "../admin/doctor.ts";
import { parseConfig } from "../config/parse.ts";
import { StoreUnavailableError } from "../errors.ts";
import { Happenings } from "../happenings.ts";
import { Publisher } from "../stream/publisher.ts";
import { runCli } from "./run.ts";

interface Terminal extends CoreFixture {
  readonly stop: AbortController;
  /** Runs `words`, split at spaces. */
  run(words: string, ...more: string[]): Promise<{ code: number; out: string; err: string }>;
  diagnosis: Diagnosis;
  connectError: Error | null;
}

async function terminal(env: Record<string, string> = {}): Promise<Terminal> {
  const made = await coreFixture();
  const stop = new AbortController();
  const publisher = new Publisher({
    ...{ store: made.stores[0]!, clock: made.clock, happenings: new Happenings(), source: "shop" },
    ...{ maxBytes: 1_000, dedupWindowMs: 60_000, durability: { level: "memory" } },
  });
  const self: Terminal = {
    ...made,
    stop,
    diagnosis: { ok: true, findings: [{ check: "version", status: "ok", found: "Redis 7.0", advice: null }] },
    connectError: null,
    async run(words, ...more) {
      const [out, err]: [string[], string[]] = [[], []];
      const code = await runCli([...words.split(" ").filter((word) => word !== ""), ...more], {
        config: () => parseConfig(env, { hostname: "h", version: "1.0.0", mintToken: () => "" }).config,
        connect: () =>
          self.connectError !== null ? Promise.reject(self.connectError) : Promise.resolve({
            core: made.core,
            publish: (event) => publisher.publishAll([event]),
            diagnose: () => Promise.resolve(self.diagnosis),
            [Symbol.asyncDispose]: () => Promise.resolve(),
          }),
        clock: made.clock,
        signal: stop.signal,
        out: (text) => out.push(text),
        err: (text) => err.push(text),
      });
      return { code, out: out.join("\n"), err: err.join("\n") };
    },
  };
  return self;
}

Deno.test("wrong use is exit code 2 and says what is wanted", async () => {
  const { run } = await terminal();
  const wrong: [string, RegExp][] = [
    ["", /Usage/],
    ["frobnicate", /no command; want one of: publish, tail/],
    ["dead-letters", /want one of: dead-letters list/],
    ["where", /<entryId> is wanted/],
    ["where 1-1 2-2", /no room/],
    ["where one", /want an entry id/],
    ["where 1-1 --stream other", /want one of the streams/],
    ["publish", /--type/],
    ["publish --type", /no value/],
    ["publish --type t --data {", /--data: found no JSON/],
    ["publish --type t --type u", /twice/],
    ["publish --type t --colour red", /no such option/],
    ["publish --type t --source", /no value/],
    ["tail --count 0", /--count/],
    ["dead-letters list --limit 0", /limit/],
    ["dead-letters replay", /--all/],
    ["dead-letters replay 1-1 --type t", /not both/],
    ["dead-letters replay --reason bored", /reason: want one of/],
    ["stats --quick", /no such option/],
  ];
  for (const [words, text] of wrong) {
    const { code, out, err } = await run(words);
    assert.equal(code, 2, words);
    assert.match(words === "" ? out : err, text, words);
  }
});

Deno.test("a wrong configuration is exit code 2, Redis away is 1, and neither prints a document", async () => {
  const broken = await terminal({ LEASE_MS: "soon" });
  const { code, err, out } = await broken.run("stats --json");
  assert.deepEqual([code, out], [2, ""]);
  assert.match(JSON.parse(err).error.message, /LEASE_MS/);
  const away = await terminal();
  away.connectError = new StoreUnavailableError("connection", "Cannot reach Redis (connection): refused");
  const answer = await away.run("stats");
  assert.deepEqual([answer.code, answer.out, answer.err], [1, "", "Cannot reach Redis (connection): refused"]);
});

Deno.test("--help is exit code 0 and names every command", async () => {
  const { code, out } = await (await terminal()).run("--help");
  assert.equal(code, 0);
  for (const name of ["publish --type T", "tail", "stats", "where <entryId>", "pause", "resume", "doctor", "config"]) {
    assert.ok(out.includes(`  ${name}`), name);
  }
});

Deno.test("what is published can be found, and --json is what the admin API answers", async () => {
  const { run, core } = await terminal();
  const event = ["--data", '{"n": 1}', "--subject", "s 1", "--id=x", "--source", "me"];
  const published = JSON.parse((await run("publish --json --type order.placed", ...event)).out);
  assert.deepEqual(published.events, [{ id: "x", entryId: published.entryId, deduplicated: false }]);
  assert.equal(JSON.parse((await run("publish --json --type order.placed", ...event)).out).deduplicated, true);
  const { code, out } = await run(`where --json ${published.entryId}`);
  assert.equal(code, 0);
  const place = await core.where(published.entryId);
  assert.deepEqual(JSON.parse(out), JSON.parse(JSON.stringify(place)));
  assert.deepEqual([place.event?.id, place.event?.source, place.event?.subject], ["x", "me", "s 1"]);
  assert.match((await run(`where ${published.entryId}`)).out, /: waiting\n/);
  assert.deepEqual(JSON.parse((await run("stats --json")).out), JSON.parse(JSON.stringify(await core.overview())));
});

Deno.test("not found is exit code 1", async () => {
  const { run } = await terminal();
  for (const words of ["where 1-1", "dead-letters show 1-1", "dead-letters replay 1-1", "dead-letters delete 1-1"]) {
    assert.equal((await run(words)).code, 1, words);
  }
});

Deno.test("dead letters are listed, shown, replayed and deleted", async () => {
  const { run, stores: [store], core } = await terminal();
  for (const type of ["a", "b", "c"]) await bury(store!, type);
  const page = JSON.parse((await run("dead-letters list --json --limit 2")).out);
  assert.deepEqual([page.items.length, typeof page.next], [2, "string"]);
  assert.match((await run("dead-letters list")).out, /a cannot be/);
  const { items: [c, b] } = await core.letters.list({});
  assert.match((await run(`dead-letters show ${c!.id}`)).out, /fields:\n {2}id: e\n {2}type: c/);
  assert.equal(JSON.parse((await run(`dead-letters show ${c!.id} --json`)).out).id, c!.id);
  assert.deepEqual(JSON.parse((await run("dead-letters replay --json --dry-run")).out), { matched: 3, replayed: 0 });
  assert.deepEqual(JSON.parse((await run(`dead-letters delete ${b!.id} --json`)).out), { deleted: 1 });
  assert.deepEqual(JSON.parse((await run("dead-letters replay --type a --json")).out), { matched: 1, replayed: 1 });
  assert.equal((await run("dead-letters replay --all")).out, "1 matched, 1 given back");
  assert.equal((await run("dead-letters list")).out, "No dead letters.");
});

Deno.test("tail prints one object a line, from where it is told, and ends with its count", async () => {
  const { run, stores: [store] } = await terminal();
  await publish(store!, 3);
  const { code, out } = await run("tail --json --from 0-1 --count 2");
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n").map((line) => JSON.parse(line).id), ["e1", "e2"]);
});

Deno.test("tail without a beginning prints what comes from now on, until it is stopped", async () => {
  const { run, stores: [store], clock, stop } = await terminal();
  await publish(store!, 1);
  const tailing = run("tail --json");
  await clock.advance(0);
  await store!.append([{ fields: ["id", "late", "type", "t"] }]);
  await clock.advance(1_000);
  stop.abort();
  const { code, out } = await tailing;
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n").map((line) => JSON.parse(line).id), ["late"]);
});

Deno.test("pause and resume reach the core", async () => {
  const { run, core } = await terminal();
  assert.deepEqual(JSON.parse((await run("pause --json")).out), { paused: true });
  assert.match((await run("stats")).out, /PAUSED since/);
  assert.equal((await run("resume")).code, 0);
  assert.equal((await core.overview()).paused, false);
});

Deno.test("doctor is exit code 1 when something is wrong, and says what to do", async () => {
  const made = await terminal();
  assert.equal((await made.run("doctor")).code, 0);
  const finding = { check: "role", status: "wrong", found: "a replica", advice: "Use the primary" } as const;
  made.diagnosis = { ok: false, findings: [finding] };
  const { code, out } = await made.run("doctor");
  assert.equal(code, 1);
  assert.match(out, /WRONG .*a replica\n.*Use the primary/);
  assert.deepEqual(JSON.parse((await made.run("doctor --json")).out), made.diagnosis);
});

Deno.test("config shows every setting and no secret", async () => {
  const { run } = await terminal({ REDIS_HOST: "r", REDIS_PW: "s3cret-word", STREAM: "orders" });
  for (const words of ["config", "config --json"]) {
    const { code, out } = await run(words);
    assert.equal(code, 0);
    assert.ok(!out.includes("s3cret-word"));
    assert.match(out, /STREAM.*orders/);
  }
});

Deno.test("hostile text from a stream reaches the terminal escaped, as text and as JSON", async () => {
  const { run, stores: [store] } = await terminal();
  const hostile = "\u001b[2J\u009b31m\u202e\nforged line";
  await bury(store!, "t", "invalid", ["data", hostile]);
  const { items: [letter] } = JSON.parse((await run("dead-letters list --json")).out);
  assert.equal(letter.fields.data, hostile);
  for (const words of ["tail --from 0-1 --count 1", `dead-letters show ${letter.id}`, "dead-letters list", "stats"]) {
    for (const json of ["", " --json"]) {
      const { out } = await run(words + json);
      // deno-lint-ignore no-control-regex -- those are what is meant
      assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(out), words + json);
    }
    assert.ok(!(await run(words)).out.includes("\nforged line"), words);
  }
});
