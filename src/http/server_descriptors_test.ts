import assert from "node:assert/strict";
import { systemClock } from "../clock.ts";
import { until, waitFor } from "../../testing/wait.ts";

const LIMIT = 128;
const CONNECTIONS = 300;

/** A child that serves with few descriptors and prints its port, then each fault, a line each. */
const CHILD = `
import { startHttpServer } from ${JSON.stringify(import.meta.resolve("./server.ts"))};
import { systemClock } from ${JSON.stringify(import.meta.resolve("../clock.ts"))};
startHttpServer({
  hostname: "127.0.0.1", port: 0, clock: systemClock,
  handler: () => Promise.resolve(new Response("ok")),
  onListen: ({ port }) => console.log(port),
  onFault: (error) => console.log(String(error)),
});`;

async function flood(port: number): Promise<Deno.Conn[]> {
  const tried = await Promise.allSettled(Array.from({ length: CONNECTIONS }, async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    // Half a request head: nothing that the server could answer.
    await connection.write(new TextEncoder().encode("GET / HT")).catch(() => {});
    return connection;
  }));
  return tried.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
}

async function answers(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(500) });
  return await response.text() === "ok";
}

Deno.test({
  name: "out of descriptors the server lives on, and answers again even while the flood is held",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
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
    let exited = false;
    const exit = child.status.then(() => exited = true);
    try {
      const port = Number(await waitFor(() => lines[0], { timeoutMs: 20_000, what: "the child to listen" }));
      for (const held of [true, false]) {
        const faults = lines.length;
        const connections = await flood(port);
        await waitFor(() => lines.length > faults, { what: "descriptors to run out" });
        assert.match(lines[faults]!, /Too many open files/);
        if (!held) connections.forEach((connection) => connection.close());
        const from = systemClock.monotonic();
        await waitFor(() => answers(port), { timeoutMs: 2_000, what: "an answer within 2 s" });
        assert.ok(systemClock.monotonic() - from < 2_000);
        if (held) connections.forEach((connection) => connection.close());
      }
      assert.equal(exited, false);
    } finally {
      child.kill("SIGKILL");
      await until(Promise.all([exit, reading]), { what: "the child to end" });
    }
  },
});
