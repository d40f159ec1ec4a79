/**
 * Reads request bodies with two bounds, bytes and time. The runtime has neither.
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Deadlines, Expirable } from "../stream/deadlines.ts";
import type { Problem } from "./problem.ts";

/** A request body must have arrived in this time. */
export const BODY_DEADLINE_MS = 30_000;
/** Room to begin with, of a body without a length. */
const FIRST_BYTES = 4_096;
/** Longer bodies are not left to the runtime: it takes four times their memory, and keeps what came too late. */
const MOST_WHOLE = 65_536;

/** A body, or why there is none. */
export type Body =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly problem: Problem };

/** Bounds of one body. */
export interface BodyBounds {
  readonly clock: Clock;
  readonly maxBytes: number;
  /** Default {@link BODY_DEADLINE_MS}. */
  readonly deadlineMs?: number;
  /** Watches bodies that say their length, if that is no more than 64 KiB; costs less than a timer for each. Default: a timer for each. */
  readonly deadlines?: Deadlines;
}

/**
 * Reads a whole body. Holds at most twice `maxBytes` and the chunk in hand, however small the chunks (of a short body that
 * says its length, what the runtime holds); gives up while the rest still streams.
 * @returns Empty bytes where there is no body; 413 above the limit, 408 after the deadline, 400 when the client left.
 */
export async function readBody(request: Request, bounds: BodyBounds): Promise<Body> {
  if (request.body === null) return { ok: true, bytes: new Uint8Array(0) };
  const { clock, maxBytes, deadlineMs = BODY_DEADLINE_MS, deadlines } = bounds;
  const length = request.headers.get("content-length");
  if (deadlines !== undefined && length !== null && Number(length) <= Math.min(maxBytes, MOST_WHOLE)) {
    return await whole(request, deadlines, clock.monotonic() + deadlineMs, deadlineMs);
  }
  const reader = request.body.getReader();
  let late = false;
  const cancel = clock.after(deadlineMs, () => {
    late = true;
    // Ends the pending read as if the body were complete.
    abandon(reader);
  });
  try {
    const bytes = Number(length ?? 0) > maxBytes ? null : await drain(reader, maxBytes);
    if (late) return refuse(tooLate(deadlineMs));
    if (bytes !== null) return { ok: true, bytes };
    abandon(reader);
    return refuse(tooLarge(maxBytes));
  } catch {
    // The client left or broke the transfer coding: nothing of ours is wrong.
    return refuse(INCOMPLETE);
  } finally {
    cancel();
  }
}

/**
 * A short body that says its length: the runtime takes no byte more, and refuses a request that has
 * a transfer coding too. Read as one, without a stream. What comes too late is thrown away.
 */
function whole(request: Request, deadlines: Deadlines, dueMs: number, deadlineMs: number): Promise<Body> {
  return new Promise((resolve) => {
    const expire = (): void => resolve(refuse(tooLate(deadlineMs)));
    const reading: Expirable = { deadlineMs: dueMs, deadlineSlot: -1, expire };
    const end = (body: Body): void => {
      deadlines.remove(reading);
      resolve(body);
    };
    deadlines.add(reading);
    // The client left: nothing of ours is wrong.
    request.bytes().then((bytes) => end({ ok: true, bytes }), () => end(refuse(INCOMPLETE)));
  });
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** One buffer that doubles: a chunk may be a single byte, and an object for each would be a hundred times the body. */
async function drain(reader: Reader, maxBytes: number): Promise<Uint8Array | null> {
  let buffer = new Uint8Array(Math.min(FIRST_BYTES, maxBytes));
  let size = 0;
  while (true) {
    const { done, value } = await reader.read();
    if (done) return buffer.subarray(0, size);
    const total = size + value.byteLength;
    if (total > maxBytes) return null;
    if (total > buffer.byteLength) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(total, buffer.byteLength * 2)));
      larger.set(buffer.subarray(0, size));
      buffer = larger;
    }
    buffer.set(value, size);
    size = total;
  }
}

function abandon(reader: Reader): void {
  // Not awaited: cancelling may wait for what never comes.
  reader.cancel().catch(() => {});
}

const INCOMPLETE: Problem = { status: 400, code: "body_incomplete", title: "Incomplete body" };

/** Asks the client to stop. The runtime throws away what still comes, and closes once the client has. */
function refuse(problem: Problem): Body {
  return { ok: false, problem: { ...problem, headers: { Connection: "close" } } };
}

function tooLarge(maxBytes: number): Problem {
  return {
    status: 413,
    code: "body_too_large",
    title: "Body too large",
    detail: `At most ${maxBytes} bytes are taken.`,
  };
}

function tooLate(deadlineMs: number): Problem {
  return {
    status: 408,
    code: "body_too_slow",
    title: "Request timeout",
    detail: `The body did not arrive within ${deadlineMs} ms.`,
  };
}
