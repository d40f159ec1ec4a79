import assert from "node:assert/strict";
import { waitFor } from "../../testing/wait.ts";

const LOGGING = import.meta.resolve("./logging.ts");
const CLOCK = import.meta.resolve("../clock.ts");

/** A process that logs far more than a pipe and the queue hold, and tells on stderr how it fares. */
const CHILD = `
import { createLogging } from "${LOGGING}";
import { systemClock } from "${CLOCK}";
const options = { level: "INFO", format: "json", timezone: "UTC", serviceName: "svc", secrets: [] };
const logging = createLogging({ ...options, clock: systemClock, highWaterBytes: 100_000 });
const log = logging.logger("flood");
let ticks = 0;
const timer = setInterval(() => {
  for (let i = 0; i < 100; i++) log.info("line {i} " + "x".repeat(100), { i });
  if (++ticks < 100) return;
  clearInterval(timer);
  const rss = Deno.memoryUsage().rss;
  Deno.stderr.writeSync(new TextEncoder().encode(JSON.stringify({ ticks, dropped: logging.dropped(), rss })));
  logging[Symbol.asyncDispose]().then(() => Deno.exit(0));
}, 1);
`;

function spawn(): Deno.ChildProcess {
  const args = ["eval", "--quiet", "--ext=ts", CHILD];
  const cwd = new URL("../../", import.meta.url);
  return new Deno.Command(Deno.execPath(), { args, cwd, stdout: "piped", stderr: "piped" }).spawn();
}

async function told(child: Deno.ChildProcess): Promise<{ ticks: number; dropped: number }> {
  let text = "";
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  await waitFor(async () => {
    text += (await reader.read()).value ?? "";
    return text.endsWith("}");
  }, { timeoutMs: 30_000, what: "the child to tell how it fares" });
  await reader.cancel();
  return JSON.parse(text);
}

Deno.test("a stdout that nobody reads stops neither the event loop nor the exit", async () => {
  const child = spawn();
  const { ticks, dropped } = await told(child);
  assert.equal(ticks, 100);
  assert.ok(dropped > 5_000, `${dropped} of 10,000 dropped`);
  // Not one byte was read up to here.
  assert.equal((await child.status).code, 0);
  await child.stdout.cancel();
});

Deno.test("a stdout whose reader is gone is no error", async () => {
  const child = spawn();
  await child.stdout.cancel();
  const { ticks, dropped } = await told(child);
  assert.equal(ticks, 100);
  assert.ok(dropped > 9_000, `${dropped} of 10,000 dropped`);
  assert.equal((await child.status).code, 0);
});
