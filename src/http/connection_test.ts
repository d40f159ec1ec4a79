import assert from "node:assert/strict";
import { until, waitFor } from "../../testing/wait.ts";
import { encoder, GET, hello, scene } from "./connection_fixtures_test.ts";
import type { HttpHandler } from "./router.ts";

for (
  const [what, sent] of [
    ["nothing is sent", ""],
    ["half a head is sent", "GET / HTTP/1.1\r\nHo"],
    ["a head without its end is sent", "GET / HTTP/1.1\r\nHost: a\r\n"],
  ] as const
) {
  Deno.test(`a connection on which ${what} is closed after ten seconds`, () =>
    scene(hello, async ({ clock, faults, connect }) => {
      const client = await connect();
      if (sent !== "") await client.send(sent);
      await clock.advance(9_999);
      assert.equal(client.closed, false);
      await clock.advance(251);
      await client.cut();
      assert.equal(client.text, "");
      assert.deepEqual(faults, []);
    }));
}

Deno.test("a head that trickles in gains no time by that", () =>
  scene(hello, async ({ clock, connect }) => {
    const client = await connect();
    for (const character of GET.slice(0, 10)) {
      await client.send(character);
      await clock.advance(1_000);
    }
    await clock.advance(250);
    await client.cut();
  }));

Deno.test("a kept connection is closed 75 seconds after the last answer, whole heads coming or half of one", () =>
  scene(hello, async ({ clock, connect }) => {
    const [quiet, half, busy] = [await connect(), await connect(), await connect()];
    for (const client of [quiet, half, busy]) {
      await client.send(GET);
      await client.answered(1);
    }
    await half.send("GET / HT");
    await clock.advance(60_000);
    await busy.send(GET);
    await busy.answered(2);
    await clock.advance(14_999);
    assert.deepEqual([quiet.closed, half.closed, busy.closed], [false, false, false]);
    await clock.advance(251);
    await Promise.all([quiet.cut(), half.cut()]);
    assert.equal(busy.closed, false);
    await busy.send(GET);
    await busy.answered(3);
  }));

Deno.test("requests in progress and answers without an end are never closed for their length", async () => {
  const gate = Promise.withResolvers<Response>();
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  const stream = (): Response =>
    new Response(new ReadableStream({ start: (controller) => void streams.push(controller) }));
  const handler: HttpHandler = ({ url }) => url.endsWith("/slow") ? gate.promise : Promise.resolve(stream());
  await scene(handler, async ({ clock, connect }) => {
    const [slow, endless] = [await connect(), await connect()];
    await slow.send(GET.replace("/", "/slow"));
    await endless.send(GET);
    await endless.answered(1);
    await clock.advance(1_000_000);
    assert.deepEqual([slow.closed, endless.closed], [false, false]);
    gate.resolve(new Response("late"));
    await slow.answered(1);
    streams[0]!.enqueue(encoder.encode("more"));
    await waitFor(() => endless.text.includes("more"), { what: "what comes late of a stream" });
    streams[0]!.close();
    await waitFor(() => endless.text.includes("\r\n0\r\n"), { what: "the end of the stream" });
    await clock.advance(75_250);
    await Promise.all([slow.cut(), endless.cut()]);
  });
});

for (const status of [408, 413]) {
  Deno.test(`whoever goes on sending a body that was refused with ${status} is cut off five seconds later`, () =>
    scene(() => Promise.resolve(new Response("no", { status })), async ({ clock, connect }) => {
      const client = await connect();
      await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{");
      await client.answered(1);
      await clock.advance(4_999);
      assert.equal(client.closed, false);
      await clock.advance(251);
      await client.cut();
    }));
}

Deno.test("a client that leaves before its answer is given leaves nothing behind", async () => {
  const gate = Promise.withResolvers<Response>();
  const entered = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const handler: HttpHandler = (request) => {
    request.signal.addEventListener("abort", () => left.resolve());
    entered.resolve();
    return gate.promise;
  };
  await scene(handler, async ({ clock, server, faults, connect }) => {
    const client = await connect();
    await client.send(GET);
    await entered.promise;
    client.leave();
    await until(left.promise, { what: "the server to see that" });
    gate.resolve(new Response("late"));
    assert.equal(await server.close(1_000), true);
    assert.equal(clock.pending, 0);
    assert.deepEqual(faults, []);
  });
});

Deno.test("closing ends idle connections and half heads at once, and after its grace all that is left", async () => {
  const entered = Promise.withResolvers<void>();
  const handler: HttpHandler = ({ url }) => {
    if (!url.endsWith("/never")) return hello(new Request(url));
    entered.resolve();
    return new Promise(() => {});
  };
  await scene(handler, async ({ clock, server, connect }) => {
    const [nothing, half, idle, never] = [await connect(), await connect(), await connect(), await connect()];
    await half.send("GET / HT");
    await idle.send(GET);
    await idle.answered(1);
    await never.send(GET.replace("/", "/never"));
    await entered.promise;
    const closing = server.close(1_000);
    await Promise.all([nothing.cut(), half.cut(), idle.cut()]);
    assert.equal(never.closed, false);
    await clock.advance(1_000);
    assert.equal(await closing, false);
    await never.cut();
  });
});

Deno.test("a handler that rejects is answered 500 and told of", () =>
  scene(() => Promise.reject(new Error("on purpose")), async ({ faults, connect }) => {
    const client = await connect();
    await client.send(GET);
    await client.answered(1);
    assert.match(client.text, /^HTTP\/1.1 500 /);
    assert.deepEqual(faults.map(String), ["Error: on purpose"]);
  }));
