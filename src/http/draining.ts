/**
 * What a load balancer cannot do: it stops sending new connections here once ready is 503, but a client keeps the one it
 * has, and its next request may meet the end of the process. So each answer of a draining process closes its connection.
 * @module
 */
import type { HttpHandler } from "./router.ts";

/** Adds `Connection: close` to every answer while `draining()`. */
export function closeWhileDraining(handler: HttpHandler, draining: () => boolean): HttpHandler {
  return async (request, info) => {
    const response = await handler(request, info);
    // HTTP/2 has no such header; Deno leaves it out there.
    if (draining()) response.headers.set("Connection", "close");
    return response;
  };
}
