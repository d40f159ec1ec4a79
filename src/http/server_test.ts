import assert from "node:assert/strict";
import { systemClock } from "../clock.ts";
import { ServiceError } from "../errors.ts";
import { until, waitFor } from "../../testing/wait.ts";
import { type Fixture, fixture, type FixtureOptions } from "./fixtures_test.ts";
import { type HttpServer, startHttpServer } from "./server.ts";
import { connectionServer, type ServeConnection } from "./serve_connection.ts";

const HOST = { hostname: "127.0.0.1", port: 0 };

/** A real socket in front of a fixture's router. */
async function serving(
  serveConnection: ServeConnection | null,
  work: (server: HttpServer, parts: Fixture, faults: unknown[]) => Promise<void>,
  options: FixtureOptions = {},
): Promise<void> {
  const parts = fixture(options);
  const faults: unknown[] = [];
  const server = startHttpServer({
    ...HOST,
    serveConnection,
    handler: parts.handler,
    clock: systemClock,
    onFault: (error) => faults.push(error),
  });
  try {
    await work(server, parts, faults);
  } finally {
    assert.equal(await server.close(5_000), true);
  }
}

/** Sends bytes, reads until the other side closes. */
async function raw(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: HOST.hostname, port });
  await connection.write(new TextEncoder().encode(text));
  return await until(readAll(connection), { what: "the server to close the connection" });
}

async function readAll(connection: Deno.Conn): Promise<string> {
  return await new Response(connection.readable).text();
}

async function firstBytes(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(32);
  const size = await until(connection.read(buffer), { what: "an answer" });
  return new TextDecoder().decode(buffer.subarray(0, size ?? 0));
}

/** Each connection for itself; and by `Deno.serve`, where the runtime allows nothing else. */
const WAYS = [["each connection", connectionServer()], ["one listener", null]] as const;

for (const [way, serveConnection] of WAYS) {
  Deno.test(`${way}: hostile request lines and hosts get a 4xx, report no fault, and the next request is served`, async () => {
    const cases: [string, string, number][] = [
      ["GET /health/live", "a b<script>", 400],
      ["GET /health/live", "1.2.3.4.5", 400],
      ["GET /health/live", "a/health/live?", 400],
      ["GET /health/live", "a:99999", 400],
      ["GET /x/../health/live", "a", 404],
      ["GET /%2e%2e/health/live", "a", 404],
      ["GET //health/live", "a", 404],
      ["GET /%00", "a", 400],
      ["GET /%zz", "a", 400],
      [`GET /${"x".repeat(9_000)}`, "a", 414],
      ["OPTIONS *", "a", 405],
      ["CONNECT a:80", "a:80", 405],
      ["TRACE /health/live", "a", 405],
      ["BREW /health/live", "a", 405],
      ["GET http://a/health/live", "b", 200],
      ["GET /health/live", "[::1]:8000", 200],
    ];
    await serving(serveConnection, async ({ port }, { errors, requests }, faults) => {
      for (const [line, host, status] of cases) {
        const answer = await raw(port, `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), `${line.slice(0, 60)} Host: ${host}`);
        assert.match(answer, /x-content-type-options: nosniff/i);
        assert.doesNotMatch(answer, /<script>|at .*\.ts|^server:/im);
      }
      assert.equal(requests.length, cases.length);
      assert.deepEqual([...errors, ...faults], []);
    });
  });

  Deno.test(`${way}: a body that trickles in is answered with 408 after its deadline`, async () => {
    await serving(serveConnection, async ({ port }, { clock, published }) => {
      using connection = await Deno.connect({ hostname: HOST.hostname, port });
      const head = "POST /trigger-test-event HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
      await connection.write(new TextEncoder().encode(head));
      await waitFor(() => clock.pending === 1, { what: "the deadline to be set" });
      await clock.advance(30_000);
      assert.match(await firstBytes(connection), /^HTTP\/1.1 408 /);
      assert.equal(published.length, 0);
    });
  });

  Deno.test(`${way}: a body that streams past the limit is answered before it ends`, async () => {
    await serving(serveConnection, async ({ port }) => {
      using connection = await Deno.connect({ hostname: HOST.hostname, port });
      const head = "POST /trigger-test-event HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      await connection.write(new TextEncoder().encode(`${head}20\r\n${"x".repeat(32)}\r\n`));
      assert.match(await firstBytes(connection), /^HTTP\/1.1 413 /);
      await connection.write(new TextEncoder().encode("0\r\n\r\n"));
    }, { settings: { maxBodyBytes: 16 } });
  });

  Deno.test(`${way}: a client that leaves in the middle of its body is no fault`, async () => {
    await serving(serveConnection, async ({ port }, { clock, requests, errors }, faults) => {
      const connection = await Deno.connect({ hostname: HOST.hostname, port });
      await connection.write(
        new TextEncoder().encode("POST /trigger-test-event HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"),
      );
      await waitFor(() => clock.pending === 1, { what: "the body to be read" });
      connection.close();
      await waitFor(() => requests.length === 1, { what: "the request to end" });
      assert.deepEqual([requests[0]?.status, ...errors, ...faults], [400]);
    });
  });

  Deno.test(`${way}: a port in use is one clear line`, () => {
    const listener = Deno.listen(HOST);
    const { port } = listener.addr as Deno.NetAddr;
    assert.throws(
      () =>
        startHttpServer({
          hostname: HOST.hostname,
          port,
          serveConnection,
          handler: fixture().handler,
          clock: systemClock,
        }),
      (error) => {
        assert.ok(error instanceof ServiceError);
        assert.equal(error.code, "listen_failed");
        assert.match(error.message, new RegExp(`^Cannot listen on 127.0.0.1:${port}: the port is in use;[^\\n]*$`));
        return true;
      },
    );
    listener.close();
  });

  Deno.test(`${way}: a free port is picked and told`, async () => {
    let told = 0;
    const server = startHttpServer({
      ...HOST,
      serveConnection,
      handler: fixture().handler,
      clock: systemClock,
      onListen: ({ port }) => told = port,
    });
    assert.ok(server.port > 0);
    assert.equal(told, server.port);
    assert.equal(await server.close(1_000), true);
    assert.equal(await server.close(1_000), true);
  });

  Deno.test(`${way}: closing lets a request in progress finish and refuses new ones`, async () => {
    const gate = Promise.withResolvers<void>();
    const routes = [{
      method: "GET",
      pattern: "/slow",
      handle: async (): Promise<Response> => {
        await gate.promise;
        return new Response("done");
      },
    }] as const;
    const { handler } = fixture({ routes });
    const entered = Promise.withResolvers<void>();
    const server = startHttpServer({
      ...HOST,
      serveConnection,
      clock: systemClock,
      handler: (request) => {
        entered.resolve();
        return handler(request);
      },
    });
    const answer = raw(server.port, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await entered.promise;
    const closed = server.close(5_000);
    await waitFor(() => raw(server.port, "").then(() => false, () => true), { what: "new connections to be refused" });
    gate.resolve();
    assert.match(await answer, /done$/);
    assert.equal(await closed, true);
  });

  Deno.test(`${way}: closing gives up on a half-sent body after the grace, and says so`, async () => {
    const { handler, clock } = fixture();
    const entered = Promise.withResolvers<void>();
    const server = startHttpServer({
      ...HOST,
      serveConnection,
      clock,
      handler: (request, info) => {
        entered.resolve();
        return handler(request, info);
      },
    });
    const connection = await Deno.connect({ hostname: HOST.hostname, port: server.port });
    await connection.write(
      new TextEncoder().encode("POST /trigger-test-event HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"),
    );
    await entered.promise;
    let closed: boolean | undefined;
    const closing = server.close(1_000).then((drained) => closed = drained);
    await clock.advance(999);
    assert.equal(closed, undefined);
    await clock.advance(1);
    assert.equal(await closing, false);
    connection.close();
    assert.equal(await server.close(1_000), true);
  });
}
