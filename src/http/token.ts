/**
 * Bearer tokens, compared in constant time.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Problem } from "./problem.ts";

/** One token and nothing after it: two `Authorization` headers arrive joined by a comma and a space. */
const BEARER = /^bearer +([\x21-\x7e]{1,4096}) *$/i;

/**
 * Checks `Authorization: Bearer`.
 * @param expected The token that is wanted; null: none, everybody may.
 * @returns Null when all is well, else a 401 that is the same for every wrong answer.
 */
export function refuseBearer(headers: Headers, expected: string | null): Problem | null {
  if (expected === null) return null;
  const given = BEARER.exec(headers.get("authorization") ?? "")?.[1];
  // Compared also where nothing usable came, so that the time says nothing. Digests have equal lengths.
  const equal = timingSafeEqual(digest(given ?? ""), digest(expected));
  if (equal && given !== undefined) return null;
  return {
    status: 401,
    code: "unauthorized",
    title: "Unauthorized",
    detail: "A valid token is wanted: Authorization: Bearer <token>.",
    headers: { "WWW-Authenticate": "Bearer" },
  };
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
