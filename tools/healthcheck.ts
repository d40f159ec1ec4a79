/**
 * The container's own check: is the process alive? Exit code 0 or 1. It needs no curl in the image.
 * @module
 */
const port = Deno.env.get("SERVICE_PORT") || "8000";
try {
  const response = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(2_000) });
  Deno.exit(response.status === 200 ? 0 : 1);
} catch {
  Deno.exit(1);
}
