/**
 * The bare probe: does the address take connections? No byte is sent.
 * @module
 */
import { createConnection } from "node:net";
import type { Endpoint } from "./endpoint.ts";

/**
 * Connects and closes at once.
 * @param signal Ends the probe; the answer is then false.
 * @returns True when the connection was accepted. Never rejects.
 */
export function accepts(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = createConnection({ ...endpoint });
    const end = (accepted: boolean): void => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(accepted);
    };
    const onAbort = (): void => end(false);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => end(true));
    // Stays attached: an error after the end must not be thrown at the process.
    socket.on("error", () => end(false));
  });
}
