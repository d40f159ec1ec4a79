/**
 * Errors as clients see them: RFC 9457 `application/problem+json`, never a stack, never an echo of what came in.
 * @module
 */

/** One problem. */
export interface Problem {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** Stable and machine-readable, such as `body_not_json`. Switch on it, never on text. */
  readonly code: string;
  /** What is the same for every occurrence. */
  readonly title: string;
  /** What was found and what is wanted. Holds nothing of ours that is secret. */
  readonly detail?: string;
  /** Further members, such as the name of the attribute at fault. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Response headers, such as `Allow` and `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the connection right after the answer although the client still sends. Default false. */
  readonly cut?: boolean;
}

/**
 * A problem as a response: `{type, title, status, detail?, code, correlationId, …members}`.
 * @param correlationId Lets a client name the request to the people who run the service.
 */
export function problemResponse(problem: Problem, correlationId: string): Response {
  const { status, code, title, detail, members, headers } = problem;
  const document = {
    ...members,
    type: "about:blank",
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    code,
    correlationId,
  };
  const body = new TextEncoder().encode(JSON.stringify(document));
  return new Response(problem.cut ? once(body) : body, {
    status,
    headers: {
      ...headers,
      "Content-Type": "application/problem+json",
      // One byte more than is sent: the only way by which a handler can make `Deno.serve` drop a connection whose
      // request body is still on its way. `Connection: close` alone waits for that body, for ever.
      ...(problem.cut ? { "Connection": "close", "Content-Length": String(body.byteLength + 1) } : {}),
    },
  });
}

/** A stream, because the runtime replaces the length of a body that it knows; not closed before it was all read. */
function once(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let given = false;
  return new ReadableStream({
    pull(controller): void {
      if (given) return controller.close();
      given = true;
      controller.enqueue(bytes);
    },
  }, { highWaterMark: 0 });
}

/** JSON as a response. */
export function jsonResponse(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...headers, "Content-Type": "application/json" },
  });
}

/** Plain text as a response. */
export function textResponse(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}
