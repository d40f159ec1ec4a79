/**
 * One page of a browser: goes to addresses, looks, clicks and types as a person does, and writes down what went wrong.
 * @module
 */
import type { CdpConnection, CdpData } from "./chromium_connection.ts";
import { waitFor, type WaitOptions } from "./wait.ts";

/** Something that the browser complained of. */
export interface Complaint {
  /** `console`, `exception`, `network`, `security`, `csp` … */
  readonly source: string;
  readonly text: string;
}

/** What the person who looks prefers. */
export interface Preferences {
  readonly scheme?: "light" | "dark";
  readonly reducedMotion?: boolean;
}

/** Finds the first visible element that fits a selector, and whose text or label holds `text`. */
const FIND = `globalThis.__find = (css, text) => [...document.querySelectorAll(css)].find((one) =>
  one.getClientRects().length > 0 &&
  (text === "" || (one.textContent + " " + (one.getAttribute("aria-label") ?? "")).includes(text)));`;
const WATCH_CSP = `addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP " + event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile));`;

const KEYS: Readonly<Record<string, readonly [code: string, number, text?: string]>> = {
  Enter: ["Enter", 13, "\r"],
  Escape: ["Escape", 27],
  Tab: ["Tab", 9],
  " ": ["Space", 32, " "],
  ArrowLeft: ["ArrowLeft", 37],
  ArrowRight: ["ArrowRight", 39],
  Home: ["Home", 36],
  End: ["End", 35],
};

/** See the module's text. Made by `Chromium.page`. */
export class ChromiumPage implements AsyncDisposable {
  /** Errors and warnings of the console, exceptions, failed requests, violations of the content security policy. */
  readonly complaints: Complaint[] = [];
  /** Bytes that came over the wire, compressed, headers included. */
  received = 0;
  readonly #connection: CdpConnection;
  readonly #context: string;
  readonly #session: string;

  private constructor(connection: CdpConnection, context: string, session: string) {
    this.#connection = connection;
    this.#context = context;
    this.#session = session;
    connection.listen(session, (method, params) => this.#hear(method, params));
  }

  /** Opens a page in a profile of its own. */
  static async open(
    connection: CdpConnection,
    size: { readonly width: number; readonly height: number },
  ): Promise<ChromiumPage> {
    const { browserContextId } = await connection.send("Target.createBrowserContext", { disposeOnDetach: true });
    const { targetId } = await connection.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await connection.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new ChromiumPage(connection, String(browserContextId), String(sessionId));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Page.addScriptToEvaluateOnNewDocument", { source: FIND + WATCH_CSP });
    await page.resize(size.width, size.height);
    return page;
  }

  /** Asks the page's session. */
  send(method: string, params: CdpData = {}): Promise<CdpData> {
    return this.#connection.send(method, params, this.#session);
  }

  /** Goes to an address; resolves when the document is there. */
  async goto(url: string): Promise<void> {
    const { errorText } = await this.send("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`going to ${url}: ${errorText}`);
    await this.until(`document.readyState === "complete"`, { what: `${url} to be loaded`, timeoutMs: 30_000 });
  }

  /** Size of the window. @param height Of a phone, or of a screen. */
  async resize(width: number, height: number): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
  }

  /** Colour scheme and motion. */
  async prefer({ scheme = "light", reducedMotion = true }: Preferences): Promise<void> {
    await this.send("Emulation.setEmulatedMedia", {
      features: [
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: reducedMotion ? "reduce" : "no-preference" },
      ],
    });
  }

  /** Value of an expression, as JSON. @throws {Error} It throws. */
  async eval<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(`${expression}: ${Deno.inspect(exceptionDetails, { depth: 5 })}`);
    }
    return (result as { value: T }).value;
  }

  /** Waits until an expression is truthy. @returns Its value. */
  async until<T>(expression: string, options: WaitOptions = {}): Promise<T> {
    const what = options.what ?? expression.slice(0, 160);
    return await waitFor(() => this.eval<T>(expression) as Promise<never>, {
      timeoutMs: 20_000,
      everyMs: 30,
      ...options,
      what,
    })
      .catch(async (error) => {
        const text = await this.eval<string>("document.body.innerText").catch(() => "?");
        throw new Error(
          `${error.message}\ncomplaints: ${Deno.inspect(this.complaints)}\npage: ${text.slice(0, 1_500)}`,
        );
      });
  }

  /** Waits until the page shows a text. */
  async see(text: string, options: WaitOptions = {}): Promise<void> {
    const what = `the page to show "${text}"`;
    await this.until(`document.body.innerText.includes(${JSON.stringify(text)})`, { what, ...options });
  }

  /** Presses the mouse in the middle of the first visible element that fits and holds `text`. */
  async click(css: string, text = ""): Promise<void> {
    const found = `__find(${JSON.stringify(css)}, ${JSON.stringify(text)})`;
    const place = await this.until<{ x: number; y: number }>(
      `(async () => {
        const one = ${found};
        if (!one || one.disabled) return null;
        one.scrollIntoView({ block: "center", behavior: "instant" });
        const before = one.getClientRects()[0];
        await new Promise((resolve) => setTimeout(resolve, 50));
        const r = one.isConnected && one.getClientRects()[0];
        // A person waits until things stand still, and presses what is on top.
        if (!r || r.x !== before.x || r.y !== before.y) return null;
        const place = { x: r.x + r.width / 2, y: r.y + r.height / 2 };
        const top = document.elementFromPoint(place.x, place.y);
        return top && (one.contains(top) || top.contains(one)) ? place : null;
      })()`,
      { what: `${css} "${text}" to be there and not covered` },
    );
    const event = { ...place, button: "left", clickCount: 1 };
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...place });
    await this.send("Input.dispatchMouseEvent", { type: "mousePressed", ...event });
    await this.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...event });
  }

  /** Drags the mouse across the first element that fits, between two parts of its width. */
  async drag(css: string, from: number, to: number): Promise<void> {
    const box = await this.until<{ x: number; y: number; width: number }>(
      `(() => { const one = document.querySelector(${JSON.stringify(css)}); one.scrollIntoView({ block: "center" });
        const r = one.getBoundingClientRect(); return { x: r.x, y: r.y + r.height / 2, width: r.width }; })()`,
    );
    const at = (part: number): CdpData => ({ x: box.x + box.width * part, y: box.y, button: "left", buttons: 1 });
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...at(from), buttons: 0 });
    await this.send("Input.dispatchMouseEvent", { type: "mousePressed", ...at(from), clickCount: 1 });
    for (const part of [0.5, 1]) {
      await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...at(from + (to - from) * part) });
    }
    await this.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...at(to), clickCount: 1, buttons: 0 });
  }

  /** Types into what has the focus. */
  async type(text: string): Promise<void> {
    await this.send("Input.insertText", { text });
  }

  /** Puts a text into a field in the place of what is there. */
  async fill(css: string, text: string): Promise<void> {
    await this.until(
      `(() => { const one = document.querySelector(${JSON.stringify(css)}); one?.focus(); one?.select?.();
      return document.activeElement === one; })()`,
    );
    if (text === "") await this.press("Backspace");
    else await this.type(text);
  }

  /** Presses a key. @param modifiers 8: Shift. */
  async press(key: string, modifiers = 0): Promise<void> {
    const [code, number, text] = KEYS[key] ?? [key, key === "Backspace" ? 8 : 0];
    const event = { key, code, windowsVirtualKeyCode: number, modifiers };
    await this.send("Input.dispatchKeyEvent", {
      type: text ? "keyDown" : "rawKeyDown",
      ...event,
      ...(text ? { text } : {}),
    });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** A picture of the whole page, PNG. @param most Most pixels of its height; 0: of what is in the window. */
  async picture(most = 2_000): Promise<Uint8Array> {
    if (most === 0) {
      const { data } = await this.send("Page.captureScreenshot", { format: "png" });
      return Uint8Array.from(atob(String(data)), (char) => char.charCodeAt(0));
    }
    const { width, height } = await this.eval<{ width: number; height: number }>(
      "({ width: innerWidth, height: Math.max(innerHeight, document.documentElement.scrollHeight) })",
    );
    const clip = { x: 0, y: 0, width, height: Math.min(most, height), scale: 1 };
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
    return Uint8Array.from(atob(String(data)), (char) => char.charCodeAt(0));
  }

  /** Closes it, and forgets its profile. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.send("Target.disposeBrowserContext", { browserContextId: this.#context }).catch(() => {});
    await this.#connection.close();
  }

  #hear(method: string, params: CdpData): void {
    if (method === "Network.loadingFinished") this.received += Number(params["encodedDataLength"]);
    if (method === "Runtime.exceptionThrown") this.#complain("exception", JSON.stringify(params["exceptionDetails"]));
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(String(params["type"]))) {
      const words = (params["args"] as { value?: unknown; description?: unknown }[]).map((one) =>
        one.value ?? one.description
      );
      this.#complain(String(words[0]).startsWith("CSP ") ? "csp" : "console", words.join(" "));
    }
    if (method !== "Log.entryAdded") return;
    const entry = params["entry"] as { source: string; level: string; text: string; url?: string };
    if (["error", "warning"].includes(entry.level)) this.#complain(entry.source, `${entry.text} ${entry.url ?? ""}`);
  }

  #complain(source: string, text: string): void {
    this.complaints.push({ source, text: text.slice(0, 1_000) });
  }
}
