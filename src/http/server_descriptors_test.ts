import assert from "node:assert/strict";
import { until, waitFor } from "../../testing/wait.ts";

const LIMIT = 128;
const CONNECTIONS = 300;

/**
 * A child that serves with few descriptors and prints its port, then each fault, a line each. It listens for a signal
 * first, as the service does: Deno 2.9.6 panics where it has no descriptor left to prepare for its first signal.
 */
const CHILD = `
import { startHttpServer } from ${JSON.stringify(import.meta.resolve("./server.ts"))};
import { readBody } from ${JSON.stringify(import.meta.resolve("./body.ts"))};
import { systemClock } from ${JSON.stringify(import.meta.resolve("../clock.ts"))};
Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
startHttpServer({
  hostname: "127.0.0.1", port: 0, clock: systemClock,
  handler: async (request) => {
    const body = await readBody(request, { clock: systemClock, maxBytes: 1000 });
    return new Response(body.ok ? "ok" : "no");
  },
  onListen: ({ port }) => console.log(port),
  onFault: (error) => console.log(String(error)),
});`;

/** Never a whole request. */
const HALF_A_HEAD = "GET / HT";
const HALF_A_BODY = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";

/** Runs the child; `lines` grows with what it prints. */
async function withChild(work: (port: number, lines: readonly string[]) => Promise<void>): Promise<void> {
  const child = new Deno.Command("bash", {
    args: ["-c", `ulimit -n ${LIMIT}; exec "$0" eval "$1"`, Deno.execPath(), CHILD],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: string[] = [];
  const reading = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      lines.push(...chunk.split("\n").filter(Boolean));
    }
  })();
  try {
    await work(Number(await waitFor(() => lines[0], { timeoutMs: 20_000, what: "the child to listen" })), lines);
    child.kill("SIGTERM");
    assert.equal((await until(child.status, { what: "the child to end" })).code, 0);
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await until(Promise.all([child.status, reading]), { what: "the child's output to end" });
  }
}

/** Connections that the child took; those that it refused are left out. */
async function flood(port: number, unfinished: string): Promise<readonly Deno.Conn[]> {
  const tried = await Promise.allSettled(Array.from({ length: CONNECTIONS }, async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode(unfinished)).catch(() => {});
    return connection;
  }));
  return tried.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
}

async function answersAgain(port: number): Promise<void> {
  const answers = async (): Promise<boolean> => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) });
    return await response.text() === "ok";
  };
  await waitFor(answers, { timeoutMs: 10_000, what: "an answer" });
}

Deno.test({
  name: "when half-sent request heads use up the descriptors, a request in progress is not cut for them",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withChild(async (port, lines) => {
      using slow = await Deno.connect({ hostname: "127.0.0.1", port });
      await slow.write(new TextEncoder().encode(HALF_A_BODY));
      await answersAgain(port);
      const held = await flood(port, HALF_A_HEAD);
      await waitFor(() => lines.length > 1, { what: "descriptors to run out" });
      await answersAgain(port);
      await slow.write(new TextEncoder().encode("x".repeat(99)));
      const buffer = new Uint8Array(64);
      const size = await until(slow.read(buffer), { what: "its answer" });
      assert.match(new TextDecoder().decode(buffer.subarray(0, size ?? 0)), /^HTTP\/1.1 200 /);
      for (const connection of held) connection.close();
    }),
});

for (const [what, unfinished] of [["request heads", HALF_A_HEAD], ["request bodies", HALF_A_BODY]] as const) {
  Deno.test({
    name: `when half-sent ${what} use up the descriptors, the server answers again, the flood held or released`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      withChild(async (port, lines) => {
        const held = await flood(port, unfinished);
        await waitFor(() => lines.length > 1, { what: "descriptors to run out" });
        assert.match(lines[1]!, /Too many open files/);
        await answersAgain(port);
        // Again, while it may still be between two listeners: fewer connections may be taken, and no other fault appear.
        const released = await flood(port, unfinished);
        for (const connection of [...held, ...released]) connection.close();
        await answersAgain(port);
      }),
  });
}
