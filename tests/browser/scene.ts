/** A service with something in every view, and the views. */
import type { ChromiumPage } from "../../testing/chromium_page.ts";
import { LETTERS, type Site, STREAM, waitFor } from "./support.ts";

/** One view as somebody sees it. */
export interface Scene {
  readonly name: string;
  /** Shows it, and waits until it is there. */
  readonly show: (page: ChromiumPage) => Promise<void>;
}

/** What the scenes are made of. */
export interface Props {
  readonly held: string;
  readonly letter: string;
}

/** Fills the streams: what is done, held, parked, dead, delayed; a foreign consumer, and a group that lags behind. */
export async function fill(site: Site): Promise<Props> {
  await site.redis.command(["XGROUP", "CREATE", STREAM, "analytics", "0"]);
  for (let n = 0; n < 40; n++) {
    await site.add(["order.placed", "order.packed", "invoice.sent"][n % 3]!, { orderId: `A-${1000 + n}`, total: 42.5 });
  }
  const failures: readonly (readonly [string, unknown, number])[] = [
    ["order.paid", { orderId: "A-1001", fail: "hopeless" }, 14],
    [
      "order.packed",
      { orderId: "A-1002", fail: "hopeless", card: { number: "4111", apiKey: "not for the screen" } },
      5,
    ],
    ["order.sent", { fail: "always" }, 3],
  ];
  for (const [type, data, count] of failures) {
    for (let n = 0; n < count; n++) await site.add(type, data, { subject: `customer-${n}`, source: "shop" });
  }
  await site.redis.command(["XADD", STREAM, "*", "id", "x-1", "data", "{}"]);
  await site.redis.command([
    "XREADGROUP",
    "GROUP",
    "analytics",
    "warehouse-loader",
    "COUNT",
    "12",
    "STREAMS",
    STREAM,
    ">",
  ]);
  const held = await site.add("order.slow", { orderId: "A-1077", takesMs: 600_000 }, {
    subject: "customer-77",
    source: "shop",
  });
  await waitFor(async () => (await site.ask(`events/${held}`))["state"] === "held", { what: "the slow one to run" });
  await waitFor(async () => Number(await site.redis.command(["XLEN", LETTERS])) >= 20, { what: "the letters" });
  const { items } = await site.ask("dead-letters?type=order.packed&limit=1");
  return { held, letter: (items as { id: string }[])[0]!.id };
}

/** Every view. */
export function scenes(site: Site, { held, letter }: Props): readonly Scene[] {
  const scene = (name: string, view: string, sign: string): Scene => ({
    name,
    show: async (page) => {
      await site.show(page, view);
      await page.until(sign, { what: `the view ${name}` });
    },
  });
  return [
    scene(
      "now",
      "now",
      "document.querySelectorAll('.chart canvas').length === 6 && document.querySelectorAll('.plain-list li').length > 1",
    ),
    scene("where", "where", "document.querySelector('table') && __find('h3', 'Consumers')"),
    scene("find-event", `find?by=entry&q=${held}`, "document.querySelector('.state-held')"),
    scene("find-search", "find?by=type&q=order.paid", "document.querySelectorAll('td a').length > 14"),
    scene("dead-letters", "dead", "document.querySelectorAll('table.letters tbody tr').length > 10"),
    scene("dead-letter", `dead?letter=${letter}&stream=${STREAM}`, "document.querySelector('.fields pre')"),
    {
      name: "confirm",
      show: async (page) => {
        await site.show(page, "dead?reason=non_retryable");
        await page.click("button", "Delete all");
        await page.until("__find('dialog button', 'Delete 19 letters')");
      },
    },
    scene("schedules", "schedules", "__find('button', 'Run now')"),
    scene("controls", "controls", "document.querySelector('textarea')"),
  ];
}
