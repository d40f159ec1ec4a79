/** What the browser tests share: one browser for a file, and a service on a Redis of its own. */
import { type Chromium, findChromium, startChromium } from "../../testing/chromium.ts";
import type { ChromiumPage } from "../../testing/chromium_page.ts";
import { freePort, startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { type ServiceProcess, startServiceProcess } from "../../testing/service_process.ts";
import { waitFor as wait } from "../../testing/wait.ts";

export const TOKEN = "a-token-for-the-dashboard";
export const STREAM = "event-stream";
export const LETTERS = `{${STREAM}}:redis-stream-service:dlq`;

/** Why there is no browser; null where there is one. */
const missing = await findChromium() === null
  ? "no Chromium is installed (Debian: apt-get install chromium; or CHROMIUM=/path/to/it)"
  : null;
const required = Deno.env.get("REQUIRE_BROWSER") === "1";

let browser: Chromium | null = null;

Deno.test.beforeAll(async () => {
  const path = await findChromium();
  if (path !== null) browser = await startChromium(path);
});

Deno.test.afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
});

/** A test in the browser. Skipped where there is none, of which `tools/run_tests.ts` tells loudly; where `REQUIRE_BROWSER=1` it fails then. */
export function browserTest(name: string, run: (browser: Chromium) => Promise<void>): void {
  Deno.test({
    name: `browser: ${name}`,
    ignore: missing !== null && !required,
    fn: async () => {
      if (browser === null) throw new Error(`this run wants a browser, and ${missing}`);
      await run(browser);
    },
  });
}

/** With the patience that a browser beside it asks for. */
export const waitFor: typeof wait = (condition, options = {}) => wait(condition, { timeoutMs: 20_000, ...options });

/** A Redis and a service on it, which can be started again at the same address. */
export class Site implements AsyncDisposable {
  readonly redis: TestRedis;
  readonly #env: Readonly<Record<string, string>>;
  #service: ServiceProcess;
  url = "";

  private constructor(redis: TestRedis, env: Readonly<Record<string, string>>) {
    this.redis = redis;
    this.#env = env;
    this.#service = startServiceProcess({ env });
  }

  /** Starts both. */
  static async start(more: Readonly<Record<string, string>> = {}): Promise<Site> {
    const redis = await startRedis({ config: { appendonly: "yes" } });
    const site = new Site(redis, {
      REDIS_URL: redis.url,
      ADMIN_TOKEN: TOKEN,
      SERVICE_PORT: String(freePort()),
      HANDLERS: "./tests/fixtures/dashboard_handlers.ts",
      // What is held or parked stays so, however long the browser takes.
      HANDLER_TIMEOUT: "900000",
      RETRY_BACKOFF: "600000",
      RETRY_BACKOFF_MAX: "600000",
      RETRY_DELAYS: "200",
      TEST_EVENT_INTERVAL: "0",
      ...more,
    });
    try {
      site.url = await site.#service.ready();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  get service(): ServiceProcess {
    return this.#service;
  }

  /** Ends the service in an orderly way. */
  async stop(): Promise<void> {
    this.#service.signal("SIGTERM");
    await this.#service.exited();
    await this.#service[Symbol.asyncDispose]();
  }

  /** Starts it again, at the same address. @param more Settings that are others than before. */
  async startAgain(more: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#service = startServiceProcess({ env: { ...this.#env, ...more } });
    await this.#service.ready();
  }

  /** Adds an event as another program would. @returns Its entry id. */
  async add(type: string, data: unknown = {}, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const fields = { id: crypto.randomUUID(), type, data: JSON.stringify(data), ...more };
    return String(await this.redis.command(["XADD", STREAM, "*", ...Object.entries(fields).flat()]));
  }

  /** A page that is signed in, at a view. */
  async open(browser: Chromium, view = "now", size: { width?: number; height?: number } = {}): Promise<ChromiumPage> {
    const page = await browser.page(size);
    await page.prefer({ scheme: "light" });
    await page.goto(`${this.url}/admin/#${TOKEN}`);
    await page.see("Flowing");
    if (view !== "now") await this.show(page, view);
    return page;
  }

  /** Shows a view without a reload. */
  async show(page: ChromiumPage, view: string): Promise<void> {
    await page.eval(`location.hash = ${JSON.stringify(`#/${view}`)}`);
    await page.until(`document.querySelector("h1") !== null && location.hash === ${JSON.stringify(`#/${view}`)}`);
  }

  /** Asks the admin API, as the page does. */
  async ask(path: string, method = "GET", body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/admin/api/${path}`, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    return await response.json();
  }

  /** Ends both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
  }
}
