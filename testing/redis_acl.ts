/**
 * The least Redis user, as it is shipped in `deploy/redis/users.acl`, for servers of tests.
 *
 * With `TEST_REDIS_ACL=1` every server that {@link startRedis} starts has that user, and its address is that of the user:
 * the services of all tests run with nothing but what is shipped, while the tests' own hands stay free.
 * @module
 */

/** Who services log in as. */
export const ACL_USER = "stream-service";
/** Its password in tests. */
export const ACL_PASSWORD = "a-password-of-tests";

const FILE = new URL("../deploy/redis/users.acl", import.meta.url);

/** Streams that tests name. The shipped line names the default one alone. */
const STREAMS = ["event-stream", "events", "events-out", "second", "orders", "invoices", "letters"];

/** True where the whole suite is to run with the least user. */
export function aclWanted(): boolean {
  return Deno.env.get("TEST_REDIS_ACL") === "1";
}

/**
 * The shipped line as Redis takes it: `stream-service on … >password`.
 * @param streams Whose keys it may touch. Default: those that tests name.
 * @throws {Error} The file does not hold the line.
 */
export function aclLine(streams: readonly string[] = STREAMS): string {
  const [line = ""] = Deno.readTextFileSync(FILE).trim().split("\n");
  const keys = "~event-stream ~{event-stream}:*";
  if (!line.startsWith(`user ${ACL_USER} on `) || !line.includes(keys)) {
    throw new Error(`reading ${FILE.pathname}: found "${line.slice(0, 60)}…", wanted the line of ${ACL_USER}`);
  }
  const patterns = streams.flatMap((stream) => [`~${stream}`, `~{${stream}}:*`]).join(" ");
  return `${line.slice("user ".length).replace(keys, patterns)} >${ACL_PASSWORD}`;
}

/** `user:password@` for an address; empty where the suite runs without. */
export function loginPart(wanted: boolean = aclWanted()): string {
  return wanted ? `${ACL_USER}:${ACL_PASSWORD}@` : "";
}
