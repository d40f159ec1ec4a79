/**
 * The lines that a new user sees once the service is ready.
 * @module
 */
import type { Config } from "../config/types.ts";
import type { Logger } from "../telemetry/logger.ts";

/** What is told. */
export interface Greeting {
  readonly config: Config;
  readonly log: Logger;
  readonly url: string;
  readonly port: number;
  /** Version of the embedded server; null when there is none. */
  readonly embeddedVersion: string | null;
}

/** Says where it listens and on what it works; in development also what to try. */
export function greet({ config, log, url, port, embeddedVersion }: Greeting): void {
  const { redis: { topology }, stream, service, http } = config;
  const redis = embeddedVersion !== null && topology.kind === "embedded"
    ? `embedded Redis ${embeddedVersion}, data in ${topology.dir}`
    : `Redis (${topology.kind})`;
  const where = { url, port, redis, stream: stream.names.join(","), group: stream.group };
  log.info("Ready on {url}: {redis}; stream {stream}, group {group}", where);
  if (!service.development) return;
  log.info("Try: curl {url}/health", { url });
  log.info("Try: curl -X POST {url}/trigger-test-event", { url });
  // One that was given is known to whoever gave it; behind `#` it stays out of access logs and referrers.
  if (http.adminTokenMinted) log.info("Admin: {link}", { link: `${url}/admin/#${http.adminToken?.reveal()}` });
}
