import assert from "node:assert/strict";
import { type ClientHttp2Session, connect } from "node:http2";
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

Deno.test("a head that is whole just before its ten seconds are over is answered, and the connection kept", () =>
  scene(hello, async ({ clock, connect }) => {
    const client = await connect();
    await client.send(GET.slice(0, 10));
    await clock.advance(9_999);
    await client.send(GET.slice(10));
    await client.answered(1);
    await clock.advance(251);
    await client.send(GET);
    await client.answered(2);
  }));

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

Deno.test("over HTTP/2 the end of one stream sets no deadline while others are in progress, the last one does", async () => {
  const gate = Promise.withResolvers<Response>();
  const handler: HttpHandler = (request, info) => request.url.endsWith("/slow") ? gate.promise : hello(request, info);
  await scene(handler, async ({ clock, server, ended }) => {
    const session = connect(`http://127.0.0.1:${server.port}`);
    session.on("error", () => {});
    const closed = new Promise<void>((resolve) => session.on("close", resolve));
    const slow = answer(session, "/slow");
    assert.equal(await until(answer(session, "/"), { what: "a short answer" }), "hello");
    await clock.advance(1_000_000);
    assert.equal(await until(answer(session, "/"), { what: "another short answer" }), "hello");
    gate.resolve(new Response("late"));
    assert.equal(await until(slow, { what: "the long one" }), "late");
    await clock.advance(75_250);
    await until(closed, { what: "the server to close it" });
    assert.equal(ended(), 1);
  });
});

function answer(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ":path": path }).setEncoding("utf8");
  let text = "";
  stream.on("data", (more: string) => text += more);
  stream.end();
  return new Promise((resolve, reject) => stream.on("end", () => resolve(text)).on("error", reject));
}

Deno.test("whoever reads a long answer slowly is given the time for it, whoever never reads is not given more", async () => {
  const size = 16_000_000;
  const headers = { "Content-Length": String(size) };
  const long: HttpHandler = () => Promise.resolve(new Response(new Uint8Array(size), { headers }));
  await scene(long, async ({ clock, server, ended }) => {
    using slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    using never = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    for (const client of [slow, never]) await client.write(encoder.encode(GET));
    const buffer = new Uint8Array(65_536);
    let got = await slow.read(buffer) ?? 0;
    // The other one's as well.
    await waitFor(() => clock.pending === 1, { what: "a deadline" });
    await clock.advance(1_000_000);
    while (got < size) {
      const more = await until(slow.read(buffer), { what: "more of the answer" });
      assert.ok(more !== null, `closed after ${got} bytes`);
      got += more;
    }
    assert.equal(ended(), 0);
    await clock.advance(75_250);
    await waitFor(() => ended() === 2, { what: "both to be closed" });
  });
});

Deno.test("a HEAD for something long gives no more time than any other request", () => {
  const headers = { "Content-Length": "16000000" };
  return scene(() => Promise.resolve(new Response(null, { headers })), async ({ clock, connect }) => {
    const client = await connect();
    await client.send(GET.replace("GET", "HEAD"));
    await client.answered(1);
    await clock.advance(75_250);
    await client.cut();
  });
});

for (const status of [408, 413]) {
  Deno.test(`whoever goes on sending a body that was refused with ${status} is cut off five seconds later`, () =>
    scene(() => Promise.resolve(new Response("no", { status })), async ({ clock, connect }) => {
      const client = await connect();
      await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{");
      await client.answered(1);
      await clock.advance(4_999);
      assert.equal(clock.pending, 1, "its deadline");
      await clock.advance(251);
      await client.cut();
    }));
}

Deno.test("a body that nobody reads must have come thirty seconds after the answer, and one that is read is no matter", () => {
  const handler: HttpHandler = async (request) => {
    if (request.url.endsWith("/read")) await request.text();
    return new Response("x", { status: 404 });
  };
  return scene(handler, async ({ clock, connect }) => {
    const [unread, late, read] = [await connect(), await connect(), await connect()];
    await unread.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{");
    await unread.answered(1);
    await late.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{");
    await late.answered(1);
    await read.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{");
    await read.answered(1);
    await clock.advance(29_999);
    await late.send(`}${GET}`);
    await late.answered(2);
    await clock.advance(251);
    await unread.cut();
    await clock.advance(44_000);
    await read.send(GET);
    await read.answered(2);
  });
});

Deno.test("whoever was refused a body and asks for something else since has the time of all others", () => {
  const handler: HttpHandler = ({ method }) =>
    Promise.resolve(new Response("x", { status: method === "POST" ? 413 : 200 }));
  return scene(handler, async ({ clock, connect }) => {
    const client = await connect();
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{");
    await client.answered(1);
    await client.send(GET);
    await client.answered(2);
    await clock.advance(74_999);
    await client.send(GET);
    await client.answered(3);
    await clock.advance(75_250);
    await client.cut();
  });
});

Deno.test("a client that leaves before its answer is given leaves nothing behind", async () => {
  const gate = Promise.withResolvers<Response>();
  const entered = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const handler: HttpHandler = (request) => {
    request.signal.addEventListener("abort", () => left.resolve());
    entered.resolve();
    return gate.promise;
  };
  await scene(handler, async ({ clock, server, faults, connect, ended }) => {
    const client = await connect();
    await client.send(GET);
    await entered.promise;
    client.leave();
    await until(left.promise, { what: "the server to see that" });
    gate.resolve(new Response("late"));
    await waitFor(() => ended() === 1, { what: "the connection to be done with" });
    // The timer of the first head finds nothing to watch.
    await clock.advance(10_250);
    assert.equal(clock.pending, 0);
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
