/** Takes the pictures in docs/screenshots: every view, light and dark, wide and narrow. */
import type { ChromiumPage } from "../../testing/chromium_page.ts";
import { findChromium, startChromium } from "../../testing/chromium.ts";
import { smallPng } from "./png.ts";
import { fill, scenes } from "./scene.ts";
import { Site, TOKEN } from "./support.ts";

const FOLDER = new URL("../../docs/screenshots/", import.meta.url);
const SIZES = { wide: [1_280, 860], narrow: [390, 844] } as const;
/** So long events flow before the pictures, so that the charts have something to show. */
const FLOW_MS = Number(Deno.env.get("SCREENSHOTS_FLOW_MS") ?? 200_000);

/** Takes them all. */
export async function takePictures(): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  await using browser = await startChromium((await findChromium())!);
  // Some are given up on while events flow.
  await using site = await Site.start({ RETRY_BACKOFF: "60000", RETRY_BACKOFF_MAX: "60000" });
  const flowing = new AbortController();
  // Where it fails, the pictures fail for what they lack.
  const flow = produce(site, flowing.signal).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, FLOW_MS));
  const props = await fill(site);
  await using page = await browser.page();
  await page.goto(`${site.url}/admin/`);
  await page.until("document.querySelector('form') !== null");
  await shoot(page, "sign-in");
  await page.eval(`location.hash = ${JSON.stringify(`#${TOKEN}`)}`);
  await page.until("document.querySelector('.figure') !== null");
  for (const { name, show } of scenes(site, props)) {
    await show(page);
    await shoot(page, name);
  }
  flowing.abort();
  await flow;
}

async function shoot(page: ChromiumPage, name: string): Promise<void> {
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    await page.resize(width, height);
    for (const scheme of ["light", "dark"] as const) {
      await page.prefer({ scheme });
      // Charts are drawn anew in the next frames.
      await page.eval("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 150)))");
      await Deno.writeFile(
        new URL(`${name}-${size}-${scheme}.png`, FOLDER),
        smallPng(await page.picture(name === "confirm" ? 0 : 1_180)),
      );
    }
  }
}

/** Events at a rate that rises and falls, with now and then one that fails. */
async function produce(site: Site, signal: AbortSignal): Promise<void> {
  const types = ["order.placed", "order.placed", "order.packed", "invoice.sent"];
  for (let n = 0; !signal.aborted; n++) {
    const count = Math.round(6 + 4 * Math.sin(n / 60) + 3 * Math.random());
    for (let m = 0; m < count; m++) {
      await site.add(types[(n + m) % 4]!, {
        takesMs: Math.random() * 30,
        ...(Math.random() < 0.004 ? { fail: "always" } : {}),
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
