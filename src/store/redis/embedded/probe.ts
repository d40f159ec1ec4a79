/**
 * Asks a Unix socket who lives there.
 * @module
 */
import type { Clock } from "../../../clock.ts";
import { RawClient } from "./raw_client.ts";
import { RawLinkError, RawReplyError } from "./resp_reader.ts";

/** A server that answered. */
export interface FoundServer {
  readonly kind: "server";
  /** Still reading its data; refuses commands. */
  readonly loading: boolean;
  /** Its data folder, links resolved by the server. */
  readonly dir: string;
  /** `7.0.15` */
  readonly version: string;
  readonly product: "redis" | "valkey";
  readonly pid: number;
}

/**
 * What was found.
 * - `absent`: no socket, or nobody behind it (a crash leaves the file behind)
 * - `silent`: somebody accepts, and did not answer in time (stopped, or very busy)
 * - `strange`: an answer that is none of a server of ours
 */
export type Probe =
  | FoundServer
  | { readonly kind: "absent" }
  | { readonly kind: "silent" }
  | { readonly kind: "strange"; readonly message: string };

/**
 * Looks once.
 * @param timeoutMs Bound on each of connect and the two commands.
 * @throws {Deno.errors.NotCapable} Permission to read, write or connect to the socket is missing.
 */
export async function probe(socketPath: string, clock: Clock, timeoutMs: number): Promise<Probe> {
  try {
    using client = await RawClient.connect({ path: socketPath }, clock, timeoutMs);
    const info = fields(await client.command(["INFO"], { timeoutMs }));
    const dir = await client.command(["CONFIG", "GET", "dir"], { timeoutMs });
    return {
      kind: "server",
      loading: info.get("loading") === "1",
      dir: Array.isArray(dir) ? String(dir[1]) : "",
      version: info.get("valkey_version") ?? info.get("redis_version") ?? "unknown",
      product: info.has("valkey_version") ? "valkey" : "redis",
      pid: Number(info.get("process_id")),
    };
  } catch (error) {
    return judge(error);
  }
}

function judge(error: unknown): Probe {
  if (error instanceof RawReplyError) return { kind: "strange", message: error.message };
  if (!(error instanceof RawLinkError)) throw error;
  const { cause } = error;
  if (cause instanceof Deno.errors.NotCapable) throw cause;
  const gone = [
    Deno.errors.NotFound,
    Deno.errors.ConnectionRefused,
    Deno.errors.ConnectionReset,
    Deno.errors.BrokenPipe,
  ];
  if (gone.some((kind) => cause instanceof kind) || error.ended) return { kind: "absent" };
  return { kind: "silent" };
}

/** `name:value` lines of INFO. */
function fields(info: unknown): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of String(info).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) found.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return found;
}
