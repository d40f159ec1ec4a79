/**
 * The container's own check: is the process alive? Exit code 0 or 1; needs no curl in the image.
 *
 * Asks `/health/live`, so that an outage of Redis restarts nobody. `HOST` and `SERVICE_PORT` are read as the service
 * reads them; with `SERVICE_PORT=0` nobody can know the port, and the answer is 1.
 * @module
 */

/** Longer than any probe takes (500 ms), shorter than Docker's patience. */
const PATIENCE_MS = 3_000;

/** Where the service of this container answers: an address that means "any" is asked on loopback. */
export function addressOf(host: string | undefined, port: string | undefined): string {
  const name = !host || host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port || "8000"}/health/live`;
}

async function isAlive(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  Deno.exit(await isAlive(addressOf(Deno.env.get("HOST"), Deno.env.get("SERVICE_PORT"))) ? 0 : 1);
}
