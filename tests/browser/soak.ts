/** Two pages left open while events flow, fail and stop: neither the service nor a page may grow. */
import assert from "node:assert/strict";
import type { Chromium } from "../../testing/chromium.ts";
import type { ChromiumPage } from "../../testing/chromium_page.ts";
import { Site, TOKEN, waitFor } from "./support.ts";

interface Sample {
  readonly minute: number;
  readonly serviceMb: number;
  readonly descriptors: number;
  readonly pagesMb: readonly number[];
}

/** Runs it, writes what it measured to `DASHBOARD_SOAK_FILE`, and fails where something grew. */
export async function soak(browser: Chromium, minutes: number): Promise<void> {
  await using site = await Site.start();
  await using one = await site.open(browser);
  await using two = await site.open(browser, "where");
  const pages = [one, two];
  const stopping = new AbortController();
  const flow = produce(site, stopping.signal);
  const samples: Sample[] = [];
  for (let minute = 0; minute <= minutes; minute++) {
    samples.push(await sample(site, pages, minute));
    await walk(site, pages[minute % 2]!, minute);
    // A fault now and then: the pages connect again, and the old streams must be gone.
    if (minute % 4 === 3) await site.redis.restart();
  }
  stopping.abort();
  await flow;
  for (const page of pages) {
    await page.until("document.querySelector('.banner.state-flowing') !== null", { timeoutMs: 30_000 });
  }
  // The runner keeps what tests print to itself.
  const file = Deno.env.get("DASHBOARD_SOAK_FILE");
  if (file) await Deno.writeTextFile(file, samples.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const half = Math.floor(samples.length / 2);
  const mean = (of: (sample: Sample) => number, part: readonly Sample[]): number =>
    part.reduce((sum, sample) => sum + of(sample), 0) / part.length;
  const grown = (of: (sample: Sample) => number): number =>
    mean(of, samples.slice(-Math.ceil(half / 2))) - mean(of, samples.slice(half, half + Math.ceil(half / 2)));
  assert.ok(grown((sample) => sample.serviceMb) < 15, "memory of the service");
  assert.ok(grown((sample) => sample.descriptors) < 5, "connections of the service");
  for (const at of [0, 1]) assert.ok(grown((sample) => sample.pagesMb[at]!) < 5, "memory of a page");
  for (const page of pages) assert.deepEqual(page.complaints, []);
  // Twenty may watch: had streams been left behind, some of these would be turned away.
  const watchers = await Promise.all(
    Array.from(
      { length: 18 },
      () => fetch(`${site.url}/admin/api/live`, { headers: { Authorization: `Bearer ${TOKEN}` } }),
    ),
  );
  assert.deepEqual(watchers.map(({ status }) => status), watchers.map(() => 200));
  for (const { body } of watchers) await body!.cancel();
}

/** Through the views, for a minute. */
async function walk(site: Site, page: ChromiumPage, minute: number): Promise<void> {
  const views = ["now", "where", "dead", "schedules", "controls", "now"];
  for (const view of views) {
    await site.show(page, view);
    await new Promise((resolve) => setTimeout(resolve, 60_000 / views.length));
  }
  if (minute % 2 === 0) await site.ask("dead-letters/replay", "POST", {});
}

async function sample(site: Site, pages: readonly ChromiumPage[], minute: number): Promise<Sample> {
  const metrics = await waitFor(async () => await (await fetch(`${site.url}/metrics`)).text());
  const resident = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]);
  const { stdout } = new Deno.Command("ls", { args: [`/proc/${site.service.pid}/fd`] }).outputSync();
  const pagesMb: number[] = [];
  for (const page of pages) {
    await page.send("HeapProfiler.collectGarbage");
    const { usedSize } = await page.send("Runtime.getHeapUsage");
    pagesMb.push(Math.round(Number(usedSize) / 1e5) / 10);
  }
  const descriptors = new TextDecoder().decode(stdout).trim().split("\n").length;
  return { minute, serviceMb: Math.round(resident / 1e5) / 10, descriptors, pagesMb };
}

async function produce(site: Site, signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    try {
      await site.add("order.placed");
      await Promise.all(Array.from({ length: 8 }, () => site.add("order.placed", { takesMs: 5 })));
      if (n % 100 === 0) await site.add("order.paid", { fail: "hopeless" });
    } catch {
      // Redis restarts.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
