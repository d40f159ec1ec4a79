/**
 * Malformed HTTP requests, as bytes for a socket, and what came back.
 * @module
 */
import type { Dice } from "../simulation/dice.ts";
import { damaged, deepJson, HOSTILE, noise } from "./support_fuzz.ts";

/** What is sent over one connection. */
export interface Shot {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** False: it may be no HTTP at all, and then the runtime answers (a bare 4xx) or hangs up, before any code of ours. */
  readonly http: boolean;
  /** How many answers are waited for; 0: the client leaves without any. */
  readonly answers: number;
  /** The client says that nothing more will come. */
  readonly halfClose: boolean;
  /** Whether answers may carry no body: `HEAD`. */
  readonly head: boolean;
}

/** Tokens of the service under test. */
export interface Tokens {
  readonly api: string;
  readonly admin: string;
}

const ROUTES: readonly (readonly [string, string])[] = [
  ["GET", "/health"],
  ["GET", "/health/live"],
  ["GET", "/health/ready"],
  ["GET", "/health-check"],
  ["GET", "/metrics"],
  ["POST", "/trigger-test-event"],
  ["POST", "/events"],
  ["POST", "/events"],
  ["POST", "/events"],
  ["POST", "/events"],
  ["GET", "/admin/api/overview"],
  ["GET", "/admin/api/events"],
  ["GET", "/admin/api/events/1-1"],
  ["GET", "/admin/api/dead-letters"],
  ["GET", "/admin/api/dead-letters/1-1"],
  ["POST", "/admin/api/dead-letters/1-1/replay"],
  ["POST", "/admin/api/dead-letters/replay"],
  ["DELETE", "/admin/api/dead-letters/1-1"],
  ["POST", "/admin/api/consumer/pause"],
  ["POST", "/admin/api/consumer/resume"],
  ["GET", "/admin/api/schedules"],
  ["POST", "/admin/api/schedules/test.scheduled/run"],
  ["GET", "/admin/api/scaling"],
  ["GET", "/admin/"],
  ["GET", "/openapi.json"],
  ["GET", "/asyncapi.json"],
  ["GET", "/"],
];
const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "get",
  "X-1",
  "PURGE",
];
const TYPES = [
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
  "application/cloudevents+json; charset=utf-16",
  "application/json",
  "text/plain",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "application/json;;;=",
  "*/*",
];
const NAMES = ["id", "type", "source", "time", "subject", "specversion", "data", "data_base64", "deliverat", "x", "ID"];
const QUERIES = ["delay", "from", "to", "type", "limit", "cursor", "reason", "dryRun", "stream", "__proto__"];

const encoder = new TextEncoder();

/** The n-th malformed request. `n` keeps ids apart. */
export function shotOf(dice: Dice, tokens: Tokens, n: number): Shot {
  const kind = dice.next();
  if (kind < 0.05) return garbage(dice);
  if (kind < 0.1) return lyingBody(dice, tokens, n);
  if (kind < 0.14) return pipeline(dice, tokens, n);
  return single(dice, tokens, n, dice.chance(0.25));
}

interface Request {
  readonly text: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly head: boolean;
}

/** One request whose body is as long as it says. */
function single(dice: Dice, tokens: Tokens, n: number, oddHead: boolean): Shot {
  const { text, body, head } = request(dice, tokens, n, oddHead ? oddHeaders(dice) : []);
  const bytes = dice.chance(0.1)
    ? join(text.replace(/content-length: \d+\r\n/i, "Transfer-Encoding: chunked\r\n"), chunked(dice, body))
    : join(text, body);
  const leaves = dice.chance(0.03);
  // A target that is neither path nor URL is refused by the runtime.
  const http = !oddHead && !/^\S+ \*/.test(text);
  return { bytes, http, answers: leaves ? 0 : 1, halfClose: !leaves && dice.chance(0.02), head };
}

/** A body that is shorter or longer than announced, or broken in its chunks. */
function lyingBody(dice: Dice, tokens: Tokens, n: number): Shot {
  const { text, body, head } = request(dice, tokens, n, [], "POST");
  const length = dice.pick([
    "5",
    "99",
    String(body.length + 1),
    "-1",
    "1e3",
    "0x10",
    "99999999999999999999",
    "1, 2",
    "",
  ]);
  const lie = dice.chance(0.5)
    ? text.replace(/content-length: \d+/i, `Content-Length: ${length}`)
    : text.replace(/content-length: \d+/i, "Transfer-Encoding: chunked");
  const both = dice.chance(0.2) ? lie.replace("\r\n", "\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n") : lie;
  const rest = dice.pick([
    body,
    encoder.encode("FFFFFFFFFFFFFFFFF\r\nx"),
    encoder.encode("5\r\nab"),
    encoder.encode("-5\r\n"),
  ]);
  return { bytes: join(both, rest), http: false, answers: 1, halfClose: dice.chance(0.5), head };
}

/** Several at once, the first ones whole. */
function pipeline(dice: Dice, tokens: Tokens, n: number): Shot {
  const count = dice.int(2, 12);
  const parts = Array.from({ length: count }, (_, at) => {
    const { text, body } = request(dice, tokens, n * 100 + at, [], dice.pick(["GET", "POST"]));
    return join(at < count - 1 ? text.replace("Connection: close\r\n", "") : text, body);
  });
  const whole = join("", ...parts);
  const cut = dice.chance(0.3) ? whole.slice(0, dice.int(1, whole.length)) : whole;
  return { bytes: cut, http: false, answers: cut === whole ? count : 1, halfClose: false, head: false };
}

/** No HTTP, or nearly. */
function garbage(dice: Dice): Shot {
  const bytes = dice.pick([
    () => noise(dice, dice.int(0, 2_000)),
    () => encoder.encode(dice.pick(HOSTILE) + "\r\n\r\n"),
    () => encoder.encode("GET / HTTP/9.9\r\n\r\n"),
    () => encoder.encode("GET /health HTTP/1.1\r\n\r\n"),
    () => encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\u0000".repeat(dice.int(0, 40))),
    () => encoder.encode(`GET /health HTTP/1.1\r\nHost: a\r\n${"a: b\r\n".repeat(dice.int(90, 3_000))}\r\n`),
    () => encoder.encode(`GET /health HTTP/1.1\r\nHost: a\r\nx: ${"y".repeat(dice.int(60_000, 200_000))}\r\n\r\n`),
    () => encoder.encode(`GET /${"z".repeat(dice.int(8_000, 100_000))} HTTP/1.1\r\nHost: a\r\n\r\n`),
    () => encoder.encode("GET /health HTTP/1.1\r\nHost: a\r\nhalf a head"),
    () => encoder.encode("\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003"),
    () => encoder.encode("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"),
  ])();
  return { bytes, http: false, answers: 1, halfClose: dice.chance(0.8), head: false };
}

function request(dice: Dice, tokens: Tokens, n: number, more: readonly string[], only?: string): Request {
  const [usual, route] = dice.pick(ROUTES);
  const method = only ?? (dice.chance(0.15) ? dice.pick(METHODS) : usual);
  const type = route === "/events" && dice.chance(0.6) ? dice.pick(TYPES.slice(0, 2)) : dice.pick(TYPES);
  const body = usual === "GET" && dice.chance(0.9) ? new Uint8Array(0) : bodyOf(dice, type, n);
  const lines = [
    `${method} ${targetOf(dice, route)} HTTP/1.1`,
    `Host: ${dice.chance(0.03) ? dice.pick(["", "a b", "[::1", "a:99999999", "\u00ff", "a/b", "a@b"]) : "localhost"}`,
    "Connection: close",
    ...authorization(dice, route, tokens),
    ...(dice.chance(0.9) ? [`Content-Type: ${type}`] : []),
    ...identifiers(dice),
    ...ceHeaders(dice, n),
    ...more,
    `Content-Length: ${body.length}`,
  ];
  return { text: lines.join("\r\n") + "\r\n\r\n", body, head: method === "HEAD" };
}

/** The path, sometimes hostile, sometimes with a query. Only printable ASCII: the rest is for {@link garbage}. */
function targetOf(dice: Dice, route: string): string {
  const part = (): string => {
    const text = dice.pick(HOSTILE).toWellFormed().slice(0, dice.pick([20, 400, 9_000]));
    return dice.chance(0.5) ? encodeURIComponent(text) : text.replaceAll(/[^\x21-\x7e]|[#?]/g, "%zz");
  };
  let path = route;
  if (dice.chance(0.1)) path = path.replace(/[^/]*$/, part());
  if (dice.chance(0.04)) {
    const odd = [
      "//",
      "/./",
      "/../health",
      "/%68ealth",
      "/health%2flive",
      "*",
      "http://evil/health",
      "/%00",
      "/%",
      "/;a=b",
    ];
    path = dice.pick([...odd, path + "/"]);
  }
  if (dice.chance(0.25)) path += `?${dice.pick(QUERIES)}=${part()}`;
  if (dice.chance(0.05)) path += `${path.includes("?") ? "&" : "?"}delay=${dice.int(-5, 3e9)}&limit=${part()}`;
  return path;
}

function authorization(dice: Dice, route: string, { api, admin }: Tokens): string[] {
  const right = route.startsWith("/admin") ? admin : api;
  if (dice.chance(0.8)) return [`Authorization: Bearer ${right}`];
  return dice.pick([
    [],
    [`Authorization: Bearer ${right}x`],
    ["Authorization: Bearer"],
    ["Authorization: Basic YTpi"],
    [`Authorization: Bearer ${"t".repeat(6_000)}`],
    [`Authorization: Bearer ${right}`, "Authorization: Bearer second"],
  ]);
}

function identifiers(dice: Dice): string[] {
  const lines: string[] = [];
  if (dice.chance(0.2)) lines.push(`X-Correlation-ID: ${headerText(dice)}`);
  if (dice.chance(0.2)) {
    lines.push(`traceparent: ${dice.pick(["00-" + "0".repeat(32) + "-" + "1".repeat(16) + "-01", headerText(dice)])}`);
  }
  if (dice.chance(0.15)) lines.push(`Idempotency-Key: ${headerText(dice)}`);
  if (dice.chance(0.05)) {
    lines.push(`Content-Encoding: ${dice.pick(["gzip", "identity", "br, gzip", headerText(dice)])}`);
  }
  return lines;
}

function ceHeaders(dice: Dice, n: number): string[] {
  if (!dice.chance(0.25)) return [];
  return NAMES.filter(() => dice.chance(0.7)).map((name) => {
    const value = name === "specversion" && dice.chance(0.8) ? "1.0" : name === "id" ? `h-${n}` : headerText(dice);
    return `ce-${name}: ${value}`;
  });
}

/** What a header may hold: printable ASCII and bytes above it. */
function headerText(dice: Dice): string {
  return dice.pick([...HOSTILE, "%E2%82%AC", "%ff%fe", "a".repeat(300)]).replaceAll(/[^\x20-\x7e\x80-\xff]/g, "\u00e9");
}

/** Headers that a parser may refuse. */
function oddHeaders(dice: Dice): string[] {
  return dice.pick([
    ["Expect: 100-continue"],
    ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x"],
    ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["Host: second"],
    ["bad name: x"],
    [": x"],
    ["folded: a", " b"],
    ["nul: \u0000"],
    ["Transfer-Encoding: gzip, chunked"],
    ["Range: bytes=0-99999999999"],
    ["X-Forwarded-For: " + "1.1.1.1, ".repeat(500)],
    ["__proto__: x", "constructor: y"],
    ["Cookie: " + "a=b; ".repeat(2_000)],
  ]);
}

function bodyOf(dice: Dice, type: string, n: number): Uint8Array<ArrayBuffer> {
  const kind = dice.next();
  if (kind < 0.05) return new Uint8Array(0);
  if (kind < 0.06) return new Uint8Array(dice.int(1_048_000, 1_200_000)).fill(0x20);
  if (kind < 0.1) return encoder.encode(deepJson(dice));
  if (kind < 0.15) return noise(dice, dice.int(1, 500));
  const event = mutated(dice, { specversion: "1.0", id: `f-${n}`, type: "fuzz.http", source: "/fuzz", data: { n } });
  const value = type.includes("batch")
    ? [{ specversion: "1.0", id: `b-${n}`, type: "fuzz.http", source: "/fuzz" }, ...(dice.chance(0.5) ? [event] : [])]
    : event;
  const bytes = encoder.encode(JSON.stringify(value));
  return dice.chance(0.25) ? damaged(dice, bytes) : bytes;
}

function mutated(dice: Dice, event: Record<string, unknown>): unknown {
  if (dice.chance(0.05)) return dice.pick<unknown>([null, 1, "x", [], [[]], true, { filter: [] }, { dryRun: 1 }]);
  for (let changes = dice.chance(0.4) ? 0 : dice.int(1, 3); changes > 0; changes--) {
    const name = dice.pick([...NAMES, ...HOSTILE]);
    const value = dice.pick<unknown>([
      null,
      1,
      1.5,
      true,
      {},
      [],
      { rawJSON: "1" },
      `fuzz.t${dice.int(0, 1e6)}`,
      ...HOSTILE,
    ]);
    if (dice.chance(0.2)) delete event[name];
    else Object.defineProperty(event, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return event;
}

function chunked(dice: Dice, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, dice.int(1, Math.max(1, Math.ceil(body.length / 3))));
    parts.push(
      encoder.encode(`${size.toString(16)};ext="x"\r\n`),
      body.subarray(at, at + size),
      encoder.encode("\r\n"),
    );
    at += size;
  }
  return join("", ...parts, encoder.encode("0\r\ntrailer: x\r\n\r\n"));
}

/** One text, its characters below 256 as bytes, and bytes after it. */
function join(text: string, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const head = Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, head.length));
  whole.set(head);
  let at = head.length;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
