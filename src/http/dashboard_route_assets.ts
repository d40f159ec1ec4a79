/**
 * The files of the dashboard: read when somebody first asks for one, compressed once, then kept.
 * @module
 */
import { createHash } from "node:crypto";

/** One file, ready to be sent. */
export interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
}

/** Every file there is, below `src/dashboard/`: what is not in this list is not served. A test keeps it complete. */
export const DASHBOARD_FILES: readonly string[] = [
  "api.js",
  "app.js",
  "charts.js",
  "dead_bulk.js",
  "dead_letter.js",
  "fields.js",
  "format.js",
  "icon.svg",
  "index.html",
  "live.js",
  "pause.js",
  "store.js",
  "style.css",
  "ui.js",
  "vendor/preact_htm.js",
  "vendor/uplot.css",
  "vendor/uplot.js",
  "view_controls.js",
  "view_dead.js",
  "view_find.js",
  "view_now.js",
  "view_schedules.js",
  "view_where.js",
];

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** See the module's text. */
export class DashboardAssets {
  readonly #assets = new Map<string, Promise<Asset>>();

  /** @returns Null when there is no such file. @throws {Error} It cannot be read. */
  async get(name: string): Promise<Asset | null> {
    if (!DASHBOARD_FILES.includes(name)) return null;
    const found = this.#assets.get(name);
    if (found !== undefined) return await found;
    const made = load(name);
    this.#assets.set(name, made);
    // What could not be read now may be read the next time.
    made.catch(() => this.#assets.delete(name));
    return await made;
  }
}

async function load(name: string): Promise<Asset> {
  const plain = await Deno.readFile(new URL(`../dashboard/${name}`, import.meta.url));
  const packed = new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"));
  const digest = createHash("sha256").update(plain).digest("base64url").slice(0, 22);
  return {
    type: TYPES[name.slice(name.lastIndexOf(".") + 1)]!,
    // Weak: the same for both encodings.
    etag: `W/"${digest}"`,
    plain,
    gzip: new Uint8Array(await new Response(packed).arrayBuffer()),
  };
}
