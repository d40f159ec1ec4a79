import assert from "node:assert/strict";
import { StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";
import type { PackedFields } from "../../../events/packed.ts";
import { startRedis } from "../../../../testing/redis_server.ts";
import { waitFor } from "../../../../testing/wait.ts";
import { RespLink } from "./link.ts";

const encoder = new TextEncoder();

/** A server that the test plays, and a link to it. */
interface Scene extends AsyncDisposable {
  readonly link: RespLink;
  readonly server: Deno.Conn;
  /** What the server has been sent. */
  heard(bytes: number): Promise<string>;
  say(text: string | Uint8Array): Promise<void>;
}

async function scene(replyBytes?: number): Promise<Scene> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [connection, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  const link = new RespLink({
    connection,
    tls: false,
    secrets: [],
    ...(replyBytes === undefined ? {} : { replyBytes }),
  });
  link.ready(7);
  let closed = false;
  return {
    link,
    server,
    async heard(bytes) {
      let text = "";
      while (text.length < bytes) {
        const buffer = new Uint8Array(65_536);
        const count = await server.read(buffer);
        if (count === null) break;
        text += new TextDecoder().decode(buffer.subarray(0, count));
      }
      return text;
    },
    async say(text) {
      const bytes = typeof text === "string" ? encoder.encode(text) : text;
      for (let at = 0; at < bytes.length;) at += await server.write(bytes.subarray(at));
    },
    async [Symbol.asyncDispose]() {
      link.destroy();
      if (!closed) server.close();
      closed = true;
      // The read that the link was in has to end.
      await Promise.resolve();
    },
  };
}

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => null, (error: unknown) => error);

Deno.test("replies come in order, each in the shape that its command asked for", async () => {
  await using redis = await startRedis();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: redis.port });
  const link = new RespLink({ connection, tls: false, secrets: [] });
  const odd = Uint8Array.of(0xff, 0x0d, 0x0a, 0x00);
  await redis.command(["XADD", "s", "1-1", "a", odd, "a", "ü"]);
  const [pong, range, bytes, packed] = await Promise.all([
    link.send(["PING"], false),
    link.send(["XRANGE", "s", "-", "+"], true),
    link.send(["ECHO", odd], true),
    link.send(["XRANGE", "s", "-", "+"], true, { packAt: 2 }),
  ]);
  assert.equal(pong, "PONG");
  assert.deepEqual(range, [[
    encoder.encode("1-1"),
    [..."a"].map(() => encoder.encode("a")).concat(odd, encoder.encode("a"), encoder.encode("ü")),
  ]]);
  assert.deepEqual(bytes, odd);
  const [[id, fields]] = packed as [[string, PackedFields]];
  assert.equal(id, "1-1");
  assert.deepEqual(fields.unpack(), [encoder.encode("a"), odd, encoder.encode("a"), encoder.encode("ü")]);
  link.destroy();
});

Deno.test("an error reply rejects its own command alone, with its cause; in a transaction it is a value", async () => {
  await using redis = await startRedis();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: redis.port });
  const link = new RespLink({ connection, tls: false, secrets: [] });
  const [wrong, fine] = await Promise.all([failure(link.send(["XLEN"], false)), link.send(["PING"], false)]);
  assert.ok(wrong instanceof StoreRefusedError);
  assert.match(wrong.message, /^sending XLEN to Redis: refused with "ERR wrong number/);
  assert.equal(fine, "PONG");
  await redis.command(["SET", "k", "v"]);
  const answers = await Promise.all(
    [["MULTI"], ["XLEN", "k"], ["GET", "k"], ["EXEC"]].map((args) => link.send(args, false)),
  );
  const [refused, value] = answers[3] as unknown as [unknown, unknown];
  assert.ok(refused instanceof StoreRefusedError && refused.reason === "wrong_type");
  assert.equal(value, "v");
  link.destroy();
});

Deno.test("what is to leave at once is written before the turn goes on, and what is sent later behind it", async () => {
  const written: string[] = [];
  let closed = (): void => {};
  const ended = new Promise<null>((resolve) => closed = () => resolve(null));
  const connection = {
    read: () => ended,
    write(bytes: Uint8Array) {
      written.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.length);
    },
    close: () => closed(),
  };
  const link = new RespLink({ connection, tls: false, secrets: [] });
  link.ready(7);
  const sent = [link.send(["A"], false, { atOnce: true })];
  assert.deepEqual(written, ["*1\r\n$1\r\nA\r\n"]);
  sent.push(link.send(["B"], false), link.send(["C"], false));
  assert.equal(written.length, 1);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(written.slice(1), ["*1\r\n$1\r\nB\r\n*1\r\n$1\r\nC\r\n"]);
  link.destroy();
  await Promise.allSettled(sent);
});

Deno.test("what is sent in one turn leaves in one write", async () => {
  await using played = await scene();
  const pings = Promise.all(["a", "b", "c"].map((word) => played.link.send(["ECHO", word], false)));
  assert.equal(await played.heard(1), ["a", "b", "c"].map((word) => `*2\r\n$4\r\nECHO\r\n$1\r\n${word}\r\n`).join(""));
  await played.say("$1\r\na\r\n$1\r\n");
  await played.say("b\r\n+c\r\n");
  assert.deepEqual(await pings, ["a", "b", "c"]);
});

for (
  const [name, reply, cause] of [
    ["garbage", "HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"],
    ["a reply that nobody waits for", "+OK\r\n+OK\r\n", "protocol"],
    ["an oversized reply", "$2000\r\n", "protocol"],
    ["nesting without end", "*1\r\n".repeat(100), "protocol"],
  ] as const
) {
  Deno.test(`${name}: the link is lost with its cause and the socket closed`, async () => {
    await using played = await scene(1_000);
    const losses: string[] = [];
    played.link.onLost((error) => losses.push(error.reason));
    const sent = failure(played.link.send(["PING"], false));
    await played.heard(1);
    await played.say(reply);
    await waitFor(() => losses.length > 0);
    assert.deepEqual(losses, [cause]);
    assert.equal(await played.server.read(new Uint8Array(1)), null);
    const error = await sent;
    assert.ok(error === null || (error instanceof StoreUnavailableError && error.outcomeUnknown), String(error));
    assert.ok(await failure(played.link.send(["PING"], false)) instanceof StoreUnavailableError);
  });
}

Deno.test("a reply cut off in the middle: what is in flight rejects, its outcome unknown", async () => {
  await using played = await scene();
  const sent = [played.link.send(["XREADGROUP"], true, { packAt: 4 }), played.link.send(["PING"], false)].map(failure);
  await played.heard(1);
  await played.say("*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$100\r\nabc");
  played.server.closeWrite();
  for (const error of await Promise.all(sent)) {
    assert.ok(error instanceof StoreUnavailableError && error.reason === "connection" && error.outcomeUnknown);
  }
});

Deno.test("destroying ends everything at once and is no loss; doing it twice is harmless", async () => {
  await using played = await scene();
  let lost = 0;
  played.link.onLost(() => lost++);
  const blocked = failure(played.link.send(["BLPOP", "k", "0"], false));
  await played.heard(1);
  played.link.destroy();
  played.link.destroy();
  const error = await blocked;
  assert.ok(error instanceof StoreUnavailableError && error.outcomeUnknown);
  const late = await failure(played.link.send(["PING"], false));
  assert.ok(late instanceof StoreUnavailableError && !late.outcomeUnknown);
  assert.equal(await played.server.read(new Uint8Array(1)), null);
  assert.equal(lost, 0);
});
