/**
 * A real Chromium for tests, over its DevTools protocol: as much of a browser driver as our tests need, with no
 * dependency. (playwright-core wants every permission under Deno, because it looks into `/proc`.)
 * @module
 */
import { CdpConnection } from "./chromium_connection.ts";
import { ChromiumPage } from "./chromium_page.ts";
import { waitFor } from "./wait.ts";

/** What the browser may be called, in the order in which it is looked for. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

const FLAGS = [
  "--headless=new",
  // The tests may run as root, where the sandbox cannot; they visit nothing but our own pages.
  "--no-sandbox",
  "--remote-debugging-port=0",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-dev-shm-usage",
  "--disable-extensions",
  "--disable-gpu",
  "--disable-sync",
  "--hide-scrollbars",
  "--lang=en-US",
  "--mute-audio",
  "--no-default-browser-check",
  "--force-color-profile=srgb",
  "--font-render-hinting=none",
];

/** Path of an installed browser; null where there is none. `CHROMIUM` in the environment names another one. */
export async function findChromium(): Promise<string | null> {
  const named = Deno.env.get("CHROMIUM");
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  const places = NAMES.flatMap((name) => folders.map((folder) => `${folder}/${name}`));
  for (const path of named ? [named] : places) {
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch {
      // Not there.
    }
  }
  return null;
}

/**
 * Starts a browser.
 * @throws {Error} It does not listen within a minute: read from a cold disk, it takes its time.
 */
export async function startChromium(path: string): Promise<Chromium> {
  const dir = await Deno.makeTempDir({ prefix: "chromium-" });
  const process = new Deno.Command(path, {
    args: [...FLAGS, `--user-data-dir=${dir}`, "about:blank"],
    env: { TZ: "UTC" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const browser = new Chromium(process, dir);
  try {
    await browser.untilListening();
    return browser;
  } catch (error) {
    await browser[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running browser. Made by {@link startChromium}. */
export class Chromium implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #dir: string;
  #endpoint = "";

  /** Use {@link startChromium}. */
  constructor(process: Deno.ChildProcess, dir: string) {
    this.#process = process;
    this.#dir = dir;
  }

  /** Resolves when it can be connected to. */
  async untilListening(): Promise<void> {
    const file = await waitFor(() => Deno.readTextFile(`${this.#dir}/DevToolsActivePort`), {
      timeoutMs: 60_000,
      what: "Chromium to listen",
    });
    const [port, path] = file.trim().split("\n");
    this.#endpoint = `ws://127.0.0.1:${port}${path}`;
  }

  /** A page in a profile of its own, over a connection of its own: both are gone when it is disposed. */
  async page(options: { readonly width?: number; readonly height?: number } = {}): Promise<ChromiumPage> {
    const connection = await CdpConnection.open(this.#endpoint);
    return await ChromiumPage.open(connection, { width: 1_280, height: 860, ...options });
  }

  /** Ends it, and removes its profile. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It had ended by itself.
    }
    await this.#process.status;
    // Its helpers may still write while they end.
    await waitFor(async () => {
      await Deno.remove(this.#dir, { recursive: true });
      return true;
    }, { what: "the profile to be removed" }).catch(() => {});
  }
}
