/**
 * A client that sends bytes and reads answers, without any idea of what is right.
 * @module
 */
import type { Shot } from "./fuzz_http_requests.ts";

/** One answer. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** How long an answer is waited for once all is sent, ms; many requests get none. */
const PATIENCE_MS = 400;
/** The same where an answer must come. */
const LONG_PATIENCE_MS = 10_000;

/** Sends it over a connection of its own. @returns The answers that came. */
export async function fire(port: number, shot: Shot): Promise<Answer[]> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let open = true;
  const close = (): void => {
    if (open) connection.close();
    open = false;
  };
  const timer = setTimeout(close, shot.http && shot.answers > 0 && !shot.halfClose ? LONG_PATIENCE_MS : PATIENCE_MS);
  try {
    const sending = send(connection, shot.bytes).then(() => shot.halfClose ? connection.closeWrite() : undefined)
      .catch(() => {});
    if (shot.answers === 0) {
      await sending;
      return [];
    }
    const answers = await read(connection, shot);
    close();
    await sending;
    return answers;
  } finally {
    clearTimeout(timer);
    close();
  }
}

async function send(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function read(connection: Deno.TcpConn, { answers, head }: Shot): Promise<Answer[]> {
  const buffer = new Uint8Array(65_536);
  const found: Answer[] = [];
  let text = "";
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count !== null) text += latin1(buffer.subarray(0, count));
    for (;;) {
      const next = parse(text, head, count === null);
      if (next === null) break;
      text = text.slice(next.length);
      if (next.answer.status >= 200) found.push(next.answer);
      // A stream without an end: its head is all that there is to see.
      if (next.answer.headers.get("content-type")?.startsWith("text/event-stream")) return found;
    }
    if (count === null || found.length >= answers) return found;
  }
}

/** The first answer in the text; null: it is not all there. */
function parse(text: string, head: boolean, ended: boolean): { answer: Answer; length: number } | null {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return null;
  const [first = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const headers = new Map(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  }));
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? NaN);
  const rest = text.slice(headEnd + 4);
  const none = head || status < 200 || status === 204 || status === 304;
  const body = none ? { text: "", length: 0 } : bodyIn(rest, headers, ended);
  if (body === null) return null;
  return { answer: { status, headers, body: body.text }, length: headEnd + 4 + body.length };
}

function bodyIn(
  rest: string,
  headers: ReadonlyMap<string, string>,
  ended: boolean,
): { text: string; length: number } | null {
  if (headers.get("content-type")?.startsWith("text/event-stream")) return { text: "", length: 0 };
  if (headers.get("transfer-encoding") === "chunked") return chunksIn(rest);
  const announced = headers.get("content-length");
  if (announced === undefined) return ended ? { text: rest, length: rest.length } : null;
  const length = Number(announced);
  return rest.length < length ? null : { text: rest.slice(0, length), length };
}

function chunksIn(rest: string): { text: string; length: number } | null {
  let text = "";
  for (let at = 0;;) {
    const lineEnd = rest.indexOf("\r\n", at);
    if (lineEnd === -1) return null;
    const size = parseInt(rest.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (rest.length < end) return null;
    if (size === 0) return { text, length: end };
    text += rest.slice(lineEnd + 2, end - 2);
    at = end;
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
