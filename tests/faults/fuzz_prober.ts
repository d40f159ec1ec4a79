/**
 * The other side of `Prober` in `support_fuzz.ts`: a thread of its own, so that work of the test does not make probes late.
 * The first message is the URL, the second ends it and is answered with what was found.
 * @module
 */
/// <reference lib="deno.worker" />
import { setTimeout as sleep } from "node:timers/promises";

/** What the probes took, ms, and the first few wrong answers. */
export interface Probed {
  readonly took: readonly number[];
  readonly wrong: readonly string[];
}

const took: number[] = [];
const wrong: string[] = [];
let stopped = false;

async function run(url: string): Promise<void> {
  for (let turn = 0; !stopped; turn++) {
    const path = ["/health/live", "/health/ready", "/health"][turn % 3]!;
    const startedAt = performance.now();
    const status = await fetch(url + path, { signal: AbortSignal.timeout(10_000) })
      .then(async (response) => (await response.text(), response.status), (error: Error) => error.message);
    took.push(performance.now() - startedAt);
    if (status !== 200 && wrong.length < 5) wrong.push(`${path}: ${status}`);
    await sleep(20);
  }
  self.postMessage({ took, wrong } satisfies Probed);
}

self.onmessage = ({ data }: MessageEvent<string>) => {
  if (data === "stop") stopped = true;
  else void run(data);
};
