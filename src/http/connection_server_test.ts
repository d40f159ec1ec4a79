import assert from "node:assert/strict";
import { until, waitFor } from "../../testing/wait.ts";
import { GET, hello, scene } from "./connection_fixtures_test.ts";
import type { HttpHandler } from "./router.ts";
import { connectionServer, type ServeConnection } from "./serve_connection.ts";

/** What accepting fails with, one after the other; then connections are accepted. */
interface Failures {
  left: number;
  code: string;
  /** How often it was tried. */
  tried: number;
  /** Waited for between the system's acceptance of a connection and ours. */
  hold?: () => Promise<void>;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code} (on purpose)`), { code });
}

/** Listeners made meanwhile fail to accept as they are told to. */
async function failing(work: (failures: Failures) => Promise<void>): Promise<void> {
  const { listen } = Deno;
  const failures: Failures = { left: 0, code: "EMFILE", tried: 0 };
  const broken = (options: Deno.TcpListenOptions): Deno.TcpListener => {
    const listener = listen({ ...options, transport: "tcp" });
    const { accept } = listener;
    listener.accept = async () => {
      failures.tried++;
      if (failures.left > 0) {
        failures.left--;
        throw failure(failures.code);
      }
      const connection = await accept.call(listener);
      await failures.hold?.();
      return connection;
    };
    return listener;
  };
  Object.assign(Deno, { listen: broken });
  try {
    await work(failures);
  } finally {
    Object.assign(Deno, { listen });
  }
}

/** `/never` has no answer as long as its client is there. */
function neverAnswers(entered: () => void): HttpHandler {
  return (request, info) => {
    if (!request.url.endsWith("/never")) return hello(request, info);
    entered();
    return new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(new Response("late"))));
  };
}

const NEVER = GET.replace("/", "/never");

Deno.test("clients that leave before they are accepted hold up nobody, cut nobody, and are no fault", () =>
  failing((failures) =>
    scene(hello, async ({ faults, connect }) => {
      Object.assign(failures, { left: 200, code: "ENOTCONN" });
      const idle = await connect();
      // The clock stands still: whoever waits for it waits for ever.
      const next = await connect();
      await next.send(GET);
      await next.answered(1);
      await idle.send(GET);
      await idle.answered(1);
      assert.deepEqual(faults, []);
    })
  ));

/** Resets a connection before anybody could have accepted it, since all else stands still meanwhile. */
function resetOne(port: number): void {
  const code = `
    const socket = require("node:net").connect(${port}, "127.0.0.1", () => socket.resetAndDestroy());
    socket.on("error", () => {});`;
  const { code: exit } = new Deno.Command(Deno.execPath(), { args: ["eval", "--ext=cjs", code] }).outputSync();
  assert.equal(exit, 0);
}

Deno.test("a connection that was reset before it was accepted is no fault, and the next is accepted at once", () =>
  scene(hello, async ({ server, faults, connect }) => {
    const idle = await connect();
    resetOne(server.port);
    const next = await connect();
    for (const client of [next, idle]) {
      await client.send(GET);
      await client.answered(1);
    }
    assert.deepEqual(faults, []);
  }));

Deno.test("half a second without descriptors cuts the connections that wait, not those with a request in progress", () =>
  failing((failures) => {
    const entered = Promise.withResolvers<void>();
    return scene(neverAnswers(entered.resolve), async ({ clock, faults, connect }) => {
      const [idle, busy] = [await connect(), await connect()];
      await busy.send(NEVER);
      await entered.promise;
      failures.left = 1_000;
      const last = await connect();
      await waitFor(() => faults.length === 1, { what: "the shortage to be seen" });
      await clock.advance(450);
      assert.deepEqual([idle.closed, last.closed], [false, false]);
      await clock.advance(50);
      await Promise.all([idle.cut(), last.cut()]);
      assert.equal(busy.closed, false);
      failures.left = 0;
      await clock.advance(600);
      const next = await connect();
      assert.equal(busy.closed, false);
      await next.send(GET);
      await next.answered(1);
    });
  }));

Deno.test("where descriptors stay out with nothing but requests in progress, those are cut after half a second", () =>
  failing((failures) => {
    let entered = 0;
    return scene(neverAnswers(() => entered++), async ({ clock, faults, connect }) => {
      const busy = await connect();
      failures.left = 1_000;
      const last = await connect();
      for (const client of [busy, last]) await client.send(NEVER);
      await waitFor(() => entered === 2 && faults.length === 1, { what: "the shortage to be seen" });
      await clock.advance(450);
      assert.deepEqual([busy.closed, last.closed], [false, false]);
      await clock.advance(50);
      await Promise.all([busy.cut(), last.cut()]);
    });
  }));

Deno.test("an answer that takes its time to be read is in progress when descriptors run out", () =>
  failing((failures) => {
    const headers = { "Content-Length": "16000000" };
    const long: HttpHandler = () => Promise.resolve(new Response(new Uint8Array(16_000_000), { headers }));
    return scene(long, async ({ clock, server, faults, connect, ended }) => {
      using reader = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      await reader.write(new TextEncoder().encode(GET));
      await reader.read(new Uint8Array(1_000));
      failures.left = 1;
      const idle = await connect();
      await waitFor(() => faults.length === 1, { what: "the shortage to be seen" });
      await clock.advance(500);
      await idle.cut();
      assert.equal(ended(), 1);
    });
  }));

Deno.test("a shortage that comes back cuts what waits at once, one that comes later waits again", () =>
  failing((failures) =>
    scene(hello, async ({ clock, faults, connect }) => {
      const first = await connect();
      failures.left = 1;
      const second = await connect();
      await waitFor(() => faults.length === 1, { what: "the shortage to be seen" });
      await clock.advance(500);
      await Promise.all([first.cut(), second.cut()]);
      await clock.advance(50);
      failures.left = 1;
      const third = await connect();
      const { tried } = failures;
      await waitFor(() => failures.left === 0, { what: "the shortage to come back" });
      assert.equal(failures.tried, tried);
      await clock.advance(50);
      await third.cut();
      await clock.advance(3_000);
      failures.left = 1;
      const fourth = await connect();
      await clock.advance(450);
      assert.equal(fourth.closed, false);
      await clock.advance(50);
      await fourth.cut();
      assert.equal(faults.length, 1);
    })
  ));

Deno.test("a shortage in which something becomes free cuts nothing", () =>
  failing((failures) =>
    scene(hello, async ({ clock, faults, connect, ended }) => {
      const [idle, leaving] = [await connect(), await connect()];
      failures.left = 1;
      const last = await connect();
      await waitFor(() => faults.length === 1, { what: "the shortage to be seen" });
      leaving.leave();
      await waitFor(() => ended() === 1, { what: "the server to see that one left" });
      await clock.advance(50);
      const next = await connect();
      for (const client of [idle, last, next]) {
        await client.send(GET);
        await client.answered(1);
      }
    })
  ));

Deno.test("while descriptors stay out and nothing may be cut it is tried a few times a second, and told every half minute", () =>
  failing((failures) =>
    scene(hello, async ({ clock, faults, connect }) => {
      failures.left = 1_000;
      (await connect()).leave();
      await waitFor(() => faults.length === 1, { what: "the shortage to be seen" });
      const { tried } = failures;
      await clock.advance(29_000);
      assert.ok(failures.tried - tried >= 29, `${failures.tried - tried} tries`);
      assert.ok(failures.tried - tried <= 29 * 20, `${failures.tried - tried} tries`);
      assert.equal(faults.length, 1);
      await clock.advance(2_000);
      assert.equal(faults.length, 2);
    })
  ));

Deno.test("a failure to accept that is no shortage cuts nothing, and is told", () =>
  failing((failures) =>
    scene(hello, async ({ clock, faults, connect }) => {
      const idle = await connect();
      Object.assign(failures, { left: 20, code: "EPERM" });
      const last = await connect();
      await waitFor(() => faults.length === 1, { what: "it to be told" });
      await clock.advance(1_000);
      const next = await connect();
      for (const client of [idle, last, next]) {
        await client.send(GET);
        await client.answered(1);
      }
      assert.deepEqual(faults.map(String), ["Error: EPERM (on purpose)"]);
    })
  ));

Deno.test("a connection that cannot be served is closed, told of, and cuts nobody", () => {
  const real = connectionServer()!;
  let refused = 0;
  const picky: ServeConnection = (...call) => {
    if (refused++ === 1) throw failure("not this one");
    return real(...call);
  };
  return scene(hello, async ({ faults, connect }) => {
    const idle = await connect();
    const bad = await connect();
    await bad.cut();
    const next = await connect();
    for (const client of [idle, next]) {
      await client.send(GET);
      await client.answered(1);
    }
    assert.deepEqual(faults.map(String), ["Error: not this one (on purpose)"]);
  }, picky);
});

Deno.test("closing in the middle of a shortage, and twice at once, ends it", () =>
  failing((failures) =>
    scene(hello, async ({ clock, server, faults, connect }) => {
      failures.left = 1_000;
      const idle = await connect();
      await waitFor(() => faults.length === 1, { what: "the shortage to be seen" });
      const closing = Promise.all([server.close(1_000), server.close(5)]);
      assert.deepEqual(await until(closing, { what: "both to end" }), [true, true]);
      await idle.cut();
      assert.equal(clock.pending, 0);
      const { tried } = failures;
      await clock.advance(5_000);
      assert.equal(failures.tried, tried);
    })
  ));

Deno.test("a connection that is accepted while the server closes is closed", () =>
  failing((failures) =>
    scene(hello, async ({ server }) => {
      const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      failures.hold = () => {
        held.resolve();
        return release.promise;
      };
      using late = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      await held.promise;
      assert.equal(await server.close(1_000), true);
      release.resolve();
      assert.equal(await until(late.read(new Uint8Array(1)), { what: "the server to close it" }), null);
    })
  ));
