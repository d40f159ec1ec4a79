/** The dashboard as a person uses it, in a real browser, against the real service and a real Redis. */
import assert from "node:assert/strict";
import { until } from "../../testing/wait.ts";
import { browserTest, LETTERS, Site, TOKEN, waitFor } from "./support.ts";

const FIGURE = (label: string): string =>
  `Number([...document.querySelectorAll(".figure")].find((one) => one.querySelector("dt").textContent === "${label}")
    ?.querySelector("dd").firstChild.textContent.replaceAll(",", ""))`;

browserTest(
  "one signs in with the token, by the link or by the form; it stays out of the address, a wrong one is told",
  async (browser) => {
    await using site = await Site.start();
    await using page = await browser.page();
    await page.goto(`${site.url}/admin`);
    await page.see("Sign in with the admin token");
    assert.equal(await page.eval("location.pathname"), "/admin/");
    await page.fill("input[type=password]", "a wrong one");
    await page.press("Enter");
    await page.see("The token was not accepted");
    await page.fill("input[type=password]", TOKEN);
    await page.press("Enter");
    await page.see("Flowing");
    assert.equal(await page.eval("sessionStorage.getItem('admin-token')"), TOKEN);
    await page.click("button", "Sign out");
    await page.see("Sign in with the admin token");
    assert.equal(await page.eval("sessionStorage.getItem('admin-token')"), null);
    await page.eval(`location.hash = ${JSON.stringify(`#${TOKEN}`)}`);
    await page.see("Flowing");
    assert.ok(!(await page.eval<string>("location.href")).includes(TOKEN), "the token left the address bar");
    assert.ok(!(await page.eval<string>("document.documentElement.outerHTML")).includes(TOKEN));
    // The browser itself tells of each answer that is an error.
    assert.deepEqual(page.complaints.filter(({ text }) => !text.includes("401")), []);
  },
);

browserTest(
  "the first view is small and soon there, and its numbers and charts move while events flow",
  async (browser) => {
    await using site = await Site.start();
    await using page = await browser.page();
    await page.goto(`${site.url}/admin/#${TOKEN}`);
    await page.see("Flowing");
    await page.until("document.querySelectorAll('.chart canvas').length === 6");
    assert.ok(page.received < 100_000, `${page.received} bytes for the first view`);
    const flowing = new AbortController();
    const producing = (async () => {
      await site.add("order.placed");
      while (!flowing.signal.aborted) await Promise.all(Array.from({ length: 20 }, () => site.add("order.placed")));
    })();
    await page.until(`${FIGURE("In")} > 5 && ${FIGURE("Out")} > 5`, { what: "the rates to move" });
    const charted = "document.querySelector('.chart')?.getAttribute('aria-label')";
    await page.until(`/in [1-9][0-9,]*\\/s/.test(${charted})`, { what: "the chart to move" });
    await page.see("order.placed");
    flowing.abort();
    await producing;
    // The keys move the cursor of every chart; dragging zooms all, and back.
    await page.eval("document.querySelector('.chart').focus()");
    await page.press("ArrowLeft");
    const moments = "[...document.querySelectorAll('.chart-at')].map((one) => one.textContent)";
    await page.until(`new Set(${moments}).size === 1 && /^[0-9:]{8}$/.test(${moments}[0])`, {
      what: "every chart to tell of the same moment",
    });
    await page.drag(".u-over", 0.3, 0.6);
    await page.click("button", "Show the whole time");
    await page.until("__find('button', 'Show the whole time') === undefined");
    await page.until(`document.querySelector(".state-flowing") !== null`);
    assert.deepEqual(page.complaints, []);
  },
);

browserTest("an event is found in each of its states, by entry id, event id, subject and trace", async (browser) => {
  await using site = await Site.start();
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const trimmed = await site.add("order.placed");
  const done = await site.add("order.placed", {}, {
    id: "order-77",
    subject: "customer-7",
    traceparent: `00-${trace}-00f067aa0ba902b7-01`,
  });
  const dead = await site.add("order.paid", { fail: "hopeless" });
  const parked = await site.add("order.sent", { fail: "always" });
  const held = await site.add("order.slow", { takesMs: 600_000 });
  await waitFor(async () => (await site.ask(`events/${held}`))["state"] === "held", { what: "the slow one to run" });
  await waitFor(async () => (await site.ask(`events/${parked}`))["state"] === "parked");
  await waitFor(async () => (await site.ask(`events/${dead}`))["state"] === "dead");
  await site.redis.command(["XDEL", "event-stream", trimmed]);
  await using page = await site.open(browser, "find");
  await site.ask("consumer/pause", "POST");
  // A read that was under way may still bring one, which is then held.
  const waiting = await waitFor(async () => {
    const id = await site.add("order.placed");
    return (await site.ask(`events/${id}`))["state"] === "waiting" && id;
  }, { what: "an event that waits" });
  for (const [state, id] of Object.entries({ trimmed, done, dead, parked, held, waiting })) {
    await page.fill("input[type=search]", id);
    await page.press("Enter");
    await page.until(
      `document.querySelector(".state-word")?.textContent === "${state}" &&
      document.querySelector("article h2").textContent.includes("${id}")`,
      { what: `${id} to be shown as ${state}` },
    );
  }
  for (const [by, q] of [["id", "order-77"], ["subject", "customer-7"], ["trace", trace], ["type", "order.placed"]]) {
    await site.show(page, `find?by=${by}&q=${q}`);
    await page.until(`__find("td a", "${done}") !== undefined`, { what: `${done} to be found by ${by}` });
  }
  await page.click("td a", done);
  await page.see("The group has finished with it.");
  assert.deepEqual(page.complaints, []);
});

browserTest(
  "a dead letter is replayed by keyboard, with its audit line, and is handled; others are deleted by filter",
  async (browser) => {
    await using site = await Site.start();
    const mended = await site.add("order.paid", { fail: "once" }, { id: "order-1" });
    for (let n = 0; n < 30; n++) await site.add("order.sent", { fail: "hopeless" });
    await waitFor(async () => Number(await site.redis.command(["XLEN", LETTERS])) === 31, { what: "the letters" });
    await using page = await site.open(browser, "dead");
    await page.see("no such customer #");
    // The group's button filters; everything by keyboard.
    await page.click("button", "card of # was declined");
    await page.until("document.querySelectorAll('table.letters tbody tr').length === 1");
    await page.click("table.letters td a");
    await page.see("card of order-1 was declined");
    await page.until("__find('button', 'Replay …')?.focus() ?? document.activeElement.textContent === 'Replay …'");
    await page.press("Enter");
    await page.until(
      "document.querySelector('dialog')?.open && document.querySelector('dialog').contains(document.activeElement)",
    );
    for (let n = 0; n < 5; n++) {
      await page.press("Tab");
      const inside =
        "document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)";
      assert.ok(await page.eval(inside), "the focus stays in the dialog");
    }
    await page.press("Escape");
    await page.until("document.querySelector('dialog') === null && document.activeElement.textContent === 'Replay …'", {
      what: "the focus to return",
    });
    await page.press("Enter");
    await page.until(
      "(__find('dialog button', 'Replay 1 letter')?.focus(), document.activeElement.textContent.includes('Replay 1'))",
    );
    await page.press("Enter");
    await page.until(`document.querySelector(".state-word")?.textContent === "done"`, {
      what: "the replay to be handled",
    });
    await page.see("Gave");
    await page.see("dead_letter.replay");
    assert.equal((await site.ask(`events/${mended}`))["state"], "done");

    await site.show(page, "dead?text=customer");
    await page.click("button", "Delete all");
    await page.see("Delete 30 letters");
    // What comes after the count is left alone.
    await site.add("order.sent", { fail: "hopeless" });
    await waitFor(async () => Number(await site.redis.command(["XLEN", LETTERS])) === 31);
    await page.click("dialog button", "Delete 30 letters");
    await page.see("Deleted 30 letters");
    await page.see("dead_letters.delete");
    assert.equal(Number(await site.redis.command(["XLEN", LETTERS])), 1);
    await page.until("document.querySelectorAll('table.letters tbody tr').length === 1");
    await page.click("table.letters input[type=checkbox]");
    await page.click("button", "Replay selected");
    await page.click("dialog button", "Replay 1 letter");
    await page.see("Replayed 1 letter");
    assert.deepEqual(page.complaints, []);
  },
);

browserTest(
  "the group is paused and resumed, a schedule runs now, and a test event is published and followed",
  async (browser) => {
    await using site = await Site.start();
    await using page = await site.open(browser, "controls");
    await page.click("button", "Pause handling");
    await page.click("dialog button", "Pause the group");
    await page.until(`document.querySelector(".banner.state-paused") !== null`, { what: "the banner to say paused" });
    await page.see("consumer.pause");
    await site.add("order.placed");
    await page.see("one event waits");
    await page.click(".banner button", "Resume handling");
    await page.until(`document.querySelector(".banner.state-flowing") !== null`, { what: "the banner to say flowing" });
    await page.fill("textarea", "{ not json");
    await page.click("button", "Publish test.manual");
    await page.see("The data is no JSON");
    await page.fill("textarea", '{"from":"the dashboard"}');
    await page.click("button", "Publish test.manual");
    await page.click("a", "Follow it");
    await page.see("the dashboard");
    await page.until(`document.querySelector(".state-word")?.textContent === "done"`);
    await site.show(page, "schedules");
    await page.click("button", "Run now");
    await page.see("Published nightly-report@");
    await page.see("schedule.run");
    assert.deepEqual(page.complaints, []);
  },
);

browserTest("a restart of Redis and one of the service are survived without a reload", async (browser) => {
  await using site = await Site.start();
  await using page = await site.open(browser);
  await page.eval("globalThis.never = 'reloaded'");
  await site.redis.kill9();
  await page.until(`document.querySelector(".banner.state-down") !== null`, {
    what: "the banner to say down",
    timeoutMs: 30_000,
  });
  await page.see("Redis");
  await site.redis.start();
  await page.until(`document.querySelector(".banner.state-flowing") !== null`, {
    what: "flowing again",
    timeoutMs: 40_000,
  });
  assert.deepEqual(page.complaints, [], "an outage of Redis is no error of the page");
  await site.stop();
  await page.see("No contact");
  await site.startAgain();
  await page.until(
    `document.querySelector(".banner.state-flowing") !== null && document.querySelector(".is-live") !== null`,
    {
      what: "live again",
      timeoutMs: 40_000,
    },
  );
  await site.add("order.placed");
  await page.until(`${FIGURE("In")} > 0`, { what: "the figures to move again" });
  assert.equal(await page.eval("globalThis.never"), "reloaded");
  // While the service is away the browser itself tells of each try.
  assert.deepEqual(page.complaints.filter(({ source }) => source !== "network"), []);
});

browserTest("a service that comes back with another token is asked once, not for ever", async (browser) => {
  await using site = await Site.start();
  await using page = await site.open(browser);
  await site.stop();
  await page.see("No contact");
  await site.startAgain({ ADMIN_TOKEN: "another-token-for-it" });
  await page.see("The token was not accepted");
  const refused = (): number =>
    site.service.records.filter(({ message }) => String(message).includes("wrong or missing admin token")).length;
  const before = await waitFor(refused, { what: "the log to tell of it" });
  assert.ok(before <= 10, `${before} questions with the old token`);
  await page.fill("input[type=password]", "another-token-for-it");
  await page.press("Enter");
  await page.see("Flowing");
  await page.until(`document.querySelector(".is-live") !== null`);
  assert.ok(refused() <= 10, `${refused()} questions with the old token`);
});

browserTest("a page that is closed leaves no stream behind; one too many still shows what goes on", async (browser) => {
  await using site = await Site.start();
  for (const page of [await site.open(browser), await site.open(browser)]) await page[Symbol.asyncDispose]();
  // Twenty may watch: were one stream left behind, one of these would be turned away.
  const watchers = await waitFor(async () => {
    const all = await twentyWatch(site);
    if (all.every(({ status }) => status === 200)) return all;
    for (const { body } of all) await body?.cancel();
    return false;
  }, { what: "all places to be free again", everyMs: 250 });
  // The next page says that it asks for its figures, and not that nobody is there; with the first free place it is live.
  await using page = await site.open(browser);
  await page.see("Every few seconds");
  await page.until(`document.querySelector(".banner.state-flowing") !== null`);
  assert.ok(!(await page.eval<string>("document.body.innerText")).includes("No contact"));
  for (const { body } of watchers) await until(body!.cancel());
  await page.until(`document.querySelector(".is-live") !== null`, { what: "the page to be live" });
});

function twentyWatch(site: Site): Promise<readonly Response[]> {
  const one = (): Promise<Response> =>
    fetch(`${site.url}/admin/api/live`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  return Promise.all(Array.from({ length: 20 }, one));
}
