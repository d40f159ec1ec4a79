/**
 * Looks at what was asked for before any router does. `new URL(request.url)` throws on a hostile `Host` header, and it
 * normalises `/a/../b` to `/b`; both would let a client choose what the service sees.
 * @module
 */
import type { Problem } from "./problem.ts";

/** Most characters of a URL. */
export const MAX_URL_LENGTH = 8_192;

/** What was asked for: a path, exactly as sent, or why it is refused. */
export type Target =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly problem: Problem };

const AUTHORITY = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._~-]{1,255})(?::\d{1,5})?$/;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})|%00/;
/** scheme://authority, authority. */
const ORIGIN = /^([a-z+]+:\/\/([^/?]*))/;

/**
 * Origin and `Host` that were found to be sound last: most requests have the same. Whether a URL can be parsed depends on
 * its origin alone.
 */
const known = { origin: "", host: "" };

/** Checks `Host`, authority, length and escapes of a request, and gives its path without decoding anything. */
export function targetOf(request: Request): Target {
  const { url, headers } = request;
  if (url.length > MAX_URL_LENGTH) {
    return refuse(414, "url_too_long", "URI too long", `The URL has more than ${MAX_URL_LENGTH} characters.`);
  }
  // An empty Host is what a target without authority has.
  const host = headers.get("host") ?? "";
  if (!isHost(host) || !hasSoundOrigin(url)) {
    return refuse(400, "host_invalid", "Invalid host", "The Host header or the URL is not host[:port].");
  }
  const query = url.indexOf("?", known.origin.length);
  const path = url.slice(known.origin.length, query < 0 ? url.length : query);
  if (path.includes("%") && BAD_ESCAPE.test(path)) {
    return refuse(
      400,
      "path_invalid",
      "Invalid path",
      "The path has a % that is not followed by two hex digits, or %00.",
    );
  }
  return { ok: true, path };
}

function isHost(host: string): boolean {
  if (host === "" || host === known.host) return true;
  if (!AUTHORITY.test(host)) return false;
  known.host = host;
  return true;
}

/** Where it has, its origin is the known one. */
function hasSoundOrigin(url: string): boolean {
  const next = url[known.origin.length];
  const ended = next === "/" || next === "?" || next === undefined;
  if (ended && known.origin !== "" && url.startsWith(known.origin)) return true;
  const [, origin = "", authority = ""] = ORIGIN.exec(url) ?? [];
  // A Unix socket has its percent-encoded path for an authority, which nobody chose from outside.
  const unix = url.startsWith("http+unix:");
  if ((!unix && !AUTHORITY.test(authority)) || !URL.canParse(url)) return false;
  known.origin = origin;
  return true;
}

function refuse(status: number, code: string, title: string, detail: string): Target {
  return { ok: false, problem: { status, code, title, detail } };
}
