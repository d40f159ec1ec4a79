/** Every view: for everybody, in both colour schemes, and whatever strangers write. Its pictures are those in docs/. */
import assert from "node:assert/strict";
import type { ChromiumPage } from "../../testing/chromium_page.ts";
import { packageFolders } from "../../testing/packages.ts";
import { takePictures } from "./pictures.ts";
import { fill, scenes } from "./scene.ts";
import { browserTest, LETTERS, Site, STREAM, TOKEN, waitFor } from "./support.ts";

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds that is serious or critical. */
async function findings(page: ChromiumPage): Promise<readonly string[]> {
  const { violations } = await page.eval<{ violations: readonly Finding[] }>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => ({ violations }))",
  );
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) =>
      `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`
    );
}

browserTest(
  "no view has a serious fault of accessibility, light or dark, wide or narrow; nothing is wider than a phone",
  async (browser) => {
    const axe = await Deno.readTextFile(new URL("axe.min.js", (await packageFolders())["axe-core"]));
    await using site = await Site.start();
    const props = await fill(site);
    await using page = await browser.page();
    const wrong: string[] = [];
    const look = async (name: string, width: number): Promise<void> => {
      for (const scheme of ["light", "dark"] as const) {
        await page.prefer({ scheme });
        for (const finding of await findings(page)) wrong.push(`${name}, ${scheme}: ${finding}`);
      }
      const wide = await page.eval<number>("document.documentElement.scrollWidth");
      if (wide > width) wrong.push(`${name}: ${wide} pixels wide`);
    };
    await page.goto(`${site.url}/admin/`);
    await page.eval(axe);
    await look("sign-in", 1_280);
    await page.eval(`location.hash = ${JSON.stringify(`#${TOKEN}`)}`);
    await page.until("document.querySelector('.figure') !== null");
    for (const width of [1_280, 390]) {
      await page.resize(width, 844);
      for (const { name, show } of scenes(site, props)) {
        await show(page);
        await look(`${name} at ${width}`, width);
      }
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.complaints, []);
  },
);

/** What must be seen for what it is. */
const SCRIPT = `<script>globalThis.hacked = 1</script><img src=x onerror="globalThis.hacked=1">`;
const REVERSED = "invoice-\u202egnp.exe";
const CONTROLS = "a\u0000b\u001b[31mred\u0007\u200b";

browserTest(
  "hostile content is text: nothing of it runs, nothing is hidden, a megabyte comes when it is asked for",
  async (browser) => {
    await using site = await Site.start();
    const big = "x".repeat(1_000_000);
    const data = JSON.stringify({ fail: "hopeless", html: SCRIPT, reversed: REVERSED, password: "hunter2", big });
    const fields = ["id", `${REVERSED}${SCRIPT}`, "type", "order.<b>bad</b>", "subject", CONTROLS, "data", data];
    const more = [SCRIPT, "1", "__proto__", "2", "constructor", "3", "token", "secret-in-a-field"];
    const entryId = String(await site.redis.command(["XADD", STREAM, "*", ...fields, ...more]));
    await waitFor(async () => Number(await site.redis.command(["XLEN", LETTERS])) === 1, { what: "the letter" });
    await using page = await site.open(browser, "dead");
    await page.until("document.querySelector('table.letters td a') !== null");
    await page.see("order.<b>bad</b>");
    await page.click("table.letters td a");
    await page.until("document.querySelector('.fields pre') !== null");
    const text = (): Promise<string> => page.eval<string>("document.querySelector('main').textContent");
    const shown = await text();
    assert.ok(shown.includes(SCRIPT.slice(0, 30)), "markup is shown as text");
    assert.ok(shown.includes("invoice-‹U+202E›gnp.exe") && !shown.includes("\u202e"), "marks of direction are named");
    assert.ok(shown.includes("a␀b␛[31mred␇‹U+200B›"), "control characters are named");
    assert.ok(shown.length < 40_000, `${shown.length} characters are shown at first`);
    assert.ok(!shown.includes("hunter2") && !shown.includes("secret-in-a-field"), "secrets are masked");
    await page.click("button", "Show all of it");
    await page.until("document.querySelector('.fields pre').textContent.length > 1000000", { what: "all of it" });
    assert.ok(!(await text()).includes("hunter2"));
    await site.show(page, `find?by=subject&q=${encodeURIComponent(CONTROLS)}`);
    await page.until(`__find("td a", "${entryId}") !== undefined`, { what: "the event to be found" });
    await page.click("td a", entryId);
    await page.see("dead");
    await site.show(page, `dead?text=${encodeURIComponent("<script>alert(1)</script>")}`);
    await page.see("No dead letter fits");
    assert.equal(await page.eval("globalThis.hacked ?? null"), null);
    assert.equal(await page.eval("document.querySelectorAll('main script, main img').length"), 0);
    assert.deepEqual(page.complaints, []);
  },
);

// Not a test: it makes files. Registered only where that is wanted, so that no run tells of a skipped one.
if (Deno.env.get("SCREENSHOTS") === "1") {
  Deno.test("browser: the pictures in docs/screenshots are made anew", takePictures);
}
