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
  return new Response(JSON.stringify(document), {
    status,
    headers: { ...headers, "Content-Type": "application/problem+json" },
  });
}

/** An answer of so many characters takes some time to be read. */
const LONG = 500_000;

/** JSON as a response. A long one says its length, so that who reads it slowly is given the time (`connection.ts`). */
export function jsonResponse(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  const text = JSON.stringify(value);
  const all = { ...headers, "Content-Type": "application/json" };
  if (text.length < LONG) return new Response(text, { status, headers: all });
  const bytes = new TextEncoder().encode(text);
  return new Response(bytes, { status, headers: { ...all, "Content-Length": String(bytes.byteLength) } });
}

/** Plain text as a response. */
export function textResponse(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}
