/**
 * Fills streams quickly, with the same events as the C client makes.
 * @module
 */

/** What an event looks like. */
export interface EventShape {
  /** Bytes of the `data` field, JSON; default 255, as the C client writes. */
  readonly dataBytes?: number;
  /** `subject`: this many different ones in turn. Default: none. */
  readonly subjects?: number;
}

/** Events in one write. */
const WINDOW = 1_000;
/** Writes of which the answers have not come. */
const WINDOWS_UNDER_WAY = 4;
const encoder = new TextEncoder();

/** The JSON text of one event. */
export function dataOf(index: number, bytes = 255): string {
  const head = `{"orderId":${10_000_000 + index % 80_000_000},"customer":{"id":"c-${pad(index % 1_000_000, 6)}",` +
    `"tier":"gold","country":"DE"},"items":[{"sku":"SKU-10293","qty":2,"price":19.99},{"sku":"SKU-55512","qty":1,` +
    `"price":5.49}],"total":45.47,"currency":"EUR","note":"`;
  const tail = `","priority":3,"flags":[1,2]}`;
  if (bytes < head.length + tail.length) {
    return `{"orderId":${10_000_000 + index},"n":"${"x".repeat(Math.max(0, bytes - 28))}"}`;
  }
  return `${head}${
    "leave at the door ".repeat(Math.ceil(bytes / 18)).slice(0, bytes - head.length - tail.length)
  }${tail}`;
}

/** Fields of one event: name, value, … */
export function fieldsOf(index: number, shape: EventShape = {}): string[] {
  const fields = [
    "id",
    `0b6f3a52-7c1d-4e9a-9f00-${pad(index, 12)}`,
    "type",
    "order.created",
    "source",
    "svc/orders",
    "time",
    "2026-01-22T19:44:20.123Z",
  ];
  if (shape.subjects !== undefined) fields.push("subject", `customer-${index % shape.subjects}`);
  fields.push("data", dataOf(index, shape.dataBytes));
  return fields;
}

/** Appends `count` events. */
export async function fill(port: number, stream: string, count: number, shape: EventShape = {}): Promise<void> {
  using connection = await Deno.connect({ port });
  connection.setNoDelay(true);
  let answered = 0;
  const reading = countAnswers(connection, count, (total) => answered = total);
  for (let sent = 0; sent < count;) {
    const size = Math.min(WINDOW, count - sent);
    const text: string[] = [];
    for (let index = sent; index < sent + size; index++) {
      text.push(command(["XADD", stream, "*", ...fieldsOf(index, shape)]));
    }
    await writeAll(connection, encoder.encode(text.join("")));
    sent += size;
    while (sent - answered > WINDOW * WINDOWS_UNDER_WAY) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await reading;
}

/** A command in RESP; ASCII only. */
export function command(args: readonly string[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
  return text;
}

/** Writes all of it. */
export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Each answer of XADD is a bulk string: two line ends. */
async function countAnswers(connection: Deno.Conn, count: number, tell: (total: number) => void): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let lines = 0; lines < count * 2;) {
    const size = await connection.read(buffer);
    if (size === null) throw new Error("filling a stream: Redis closed the connection");
    if (lines === 0 && buffer[0] === 45) throw new Error(new TextDecoder().decode(buffer.subarray(0, 200)));
    for (let at = buffer.indexOf(10); at >= 0 && at < size; at = buffer.indexOf(10, at + 1)) lines++;
    tell(lines >> 1);
  }
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
