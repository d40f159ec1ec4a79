/**
 * Reads `REDIS_URL` by hand. `URL` refuses passwords that people really have, and its error repeats the whole value; here
 * a refusal says what is wrong and never shows any part of the value, since any part may be the secret.
 * @module
 */
import { parseHost, parsePort } from "./address.ts";
import type { Parsed } from "./kinds.ts";
import type { Address } from "./types.ts";

/** The highest database number that the configuration takes. What the server has is another matter. */
export const MAX_DB = 65_535;

/** What a `REDIS_URL` says. */
export interface RedisTarget {
  readonly place: { readonly kind: "single"; readonly address: Address } | {
    readonly kind: "unix";
    readonly path: string;
  };
  readonly user: string | null;
  readonly password: string | null;
  readonly db: number;
  /** True for `rediss://`. */
  readonly tls: boolean;
  /** Every text in the URL that is, or may be meant as, a secret: as written and as decoded. */
  readonly secrets: readonly string[];
}

type Login = Pick<RedisTarget, "user" | "password" | "secrets">;

const NOBODY: Login = { user: null, password: null, secrets: [] };
/** What fits into `sockaddr_un` on Linux, without the closing zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Reads `redis[s]://[user[:password]@]host[:port][/db]` and `unix://[user[:password]@]/path[?db=n]`.
 *
 * The last `@` ends the login and its first `:` ends the user, so a password may hold `@ : / # ?` as they are. A `%` is
 * an escape when every `%` of that part is one, itself when none is, and refused in between.
 * @returns `got` of a refusal is free of secrets.
 */
export function parseRedisUrl(text: string): Parsed<RedisTarget> {
  if (/[\s\p{Cc}]/u.test(text)) return refuse("with whitespace or control characters");
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  switch (scheme?.toLowerCase()) {
    case "redis":
      return parseTcp(text, rest, false);
    case "rediss":
      return parseTcp(text, rest, true);
    case "unix":
      return parseUnix(text, rest);
    default:
      return refuse(scheme === undefined ? "without a scheme" : "with an unknown scheme");
  }
}

/** Every text in a `REDIS_URL`, readable or not, that is or may be a secret; the whole URL where it has a login. */
export function secretsInUrl(text: string): readonly string[] {
  const parsed = parseRedisUrl(text);
  if (parsed.ok) return parsed.value.secrets;
  const login = /^(?:[^:]*:\/\/)?([^]*)@/.exec(text)?.[1] ?? "";
  return [text, login, login.slice(login.indexOf(":") + 1)].filter((part) => part !== "");
}

function parseTcp(text: string, rest: string, tls: boolean): Parsed<RedisTarget> {
  const at = rest.lastIndexOf("@");
  const login = at < 0 ? NOBODY : parseLogin(rest.slice(0, at));
  if (login === null) return refuse("with a `%` that is no readable escape in user or password");
  const parts = /^(\[[^\]]*\]|[^:/?#]*)(?::([^/?#]*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(rest.slice(at + 1));
  if (parts === null) return refuse("that cannot be read");
  const host = parseHost(parts[1] ?? "");
  if (host === null) return refuse("without a readable host");
  const port = parts[2] === undefined ? 6379 : parsePort(parts[2]);
  if (port === null) return refuse("whose port is not 1 to 65535");
  const db = parseDb(parts[3] ?? "", parts[4]);
  if (db === null) return refuse(`whose database is not a number from 0 to ${MAX_DB}`);
  return accept(text, { place: { kind: "single", address: { host, port } }, db, tls }, login);
}

function parseUnix(text: string, rest: string): Parsed<RedisTarget> {
  // A path never follows "@" without its "/": so a password may hold both.
  const at = rest.startsWith("/") ? -1 : rest.lastIndexOf("@/");
  if (at < 0 && !rest.startsWith("/")) return refuse("without an absolute socket path");
  const login = at < 0 ? NOBODY : parseLogin(rest.slice(0, at));
  if (login === null) return refuse("with a `%` that is no readable escape in user or password");
  const [, rawPath = "", query] = /^([^?#]*)(?:\?([^#]*))?$/.exec(rest.slice(at + 1)) ?? [];
  const path = decodePart(rawPath);
  if (path === null || !isSocketPath(path)) return refuse("without a readable socket path");
  const db = parseDb("", query);
  if (db === null) return refuse(`whose database is not a number from 0 to ${MAX_DB}`);
  return accept(text, { place: { kind: "unix", path }, db, tls: false }, login);
}

function isSocketPath(path: string): boolean {
  return path.length > 1 && !path.endsWith("/") && !/\p{Cc}/u.test(path) &&
    new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES;
}

function parseLogin(text: string): Login | null {
  const colon = text.indexOf(":");
  const rawUser = colon < 0 ? text : text.slice(0, colon);
  const rawPassword = colon < 0 ? "" : text.slice(colon + 1);
  const user = decodePart(rawUser);
  const password = decodePart(rawPassword);
  if (user === null || password === null) return null;
  // redis-cli reads a lone word before "@" as the password, so it may well be one.
  const secrets = password === "" ? [rawUser, user] : [rawPassword, password];
  return { user: user || null, password: password || null, secrets };
}

function parseDb(path: string, query: string | undefined): number | null {
  const fromQuery = query === undefined ? "" : /^db=(\d+)$/.exec(query)?.[1];
  if (fromQuery === undefined || (path !== "" && fromQuery !== "" && path !== fromQuery)) return null;
  const text = path || fromQuery || "0";
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= MAX_DB ? Number(text) : null;
}

/** Percent-decoding that leaves alone what cannot be an escape. @returns Null where two readings are possible. */
function decodePart(text: string): string | null {
  const escapes = text.match(/%[0-9a-f]{2}/gi)?.length ?? 0;
  if (escapes === 0) return text;
  if (escapes !== text.split("%").length - 1) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function accept(text: string, target: Omit<RedisTarget, keyof Login>, login: Login): Parsed<RedisTarget> {
  const hasLogin = login.user !== null || login.password !== null;
  const secrets = hasLogin ? [text, ...login.secrets.filter((part) => part !== "" && part !== "default")] : [];
  return { ok: true, value: { ...target, user: login.user, password: login.password, secrets } };
}

function refuse(why: string): Parsed<never> {
  return { ok: false, got: `a URL ${why} (value hidden)` };
}
