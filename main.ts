/**
 * The process: environment, signals, exit codes. Everything else is in `src/`.
 *
 * Exit codes: 0 clean, 1 fault, 2 configuration, 3 gave up on Redis, 130 forced by a second signal.
 * @module
 */
import { environment, makeApp, openLogging, readConfig } from "./src/boot.ts";
import type { App } from "./src/app.ts";
import { ServiceError } from "./src/errors.ts";

const EXIT = { clean: 0, fault: 1, configuration: 2, gaveUp: 3, forced: 130 } as const;

/** A signal to the whole process group comes twice, once more through the task runner, 1 or 2 ms later: that is one. */
const ECHO_MS = 15;

let app: App | null = null;
/** Until the secrets are known there is nothing to hide: what reads the settings shows none. */
let redact = (text: string): string => text;
let stopping = false;
let signalledAt = -Infinity;

/** The first signal drains, the second ends the process there and then. */
function onSignal(): void {
  const now = performance.now();
  if (now - signalledAt < ECHO_MS) return;
  signalledAt = now;
  if (stopping) Deno.exit(EXIT.forced);
  void end(EXIT.clean);
}

async function end(code: number): Promise<never> {
  stopping = true;
  const stopped = await app?.stop().catch(() => EXIT.fault) ?? EXIT.clean;
  Deno.exit(code === EXIT.clean ? stopped : code);
}

/** Before the first await: as process 1 of a container, Deno without a listener dies of a fault on SIGTERM. */
function listenForSignals(): void {
  Deno.addSignalListener("SIGTERM", onSignal);
  Deno.addSignalListener("SIGINT", onSignal);
}

function exitCodeOf(error: unknown): number {
  return error instanceof ServiceError && (error.code === "config_invalid" || error.code === "handlers_invalid")
    ? EXIT.configuration
    : EXIT.fault;
}

function complain(error: unknown): void {
  const text = error instanceof ServiceError ? error.message : error instanceof Error ? error.stack : String(error);
  Deno.stderr.writeSync(new TextEncoder().encode(`${redact(text ?? "")}\n`));
}

async function main(): Promise<void> {
  listenForSignals();
  const parsed = readConfig(environment());
  const logging = openLogging(parsed);
  redact = (text) => logging.redact(text);
  const log = logging.logger("process");
  // A rejection that a handler leaves behind must not take the other handlers with it.
  for (const kind of ["unhandledrejection", "error"] as const) {
    globalThis.addEventListener(kind, (event) => {
      event.preventDefault();
      const error = event instanceof PromiseRejectionEvent ? event.reason : (event as ErrorEvent).error;
      log.error("Nobody caught this: {error}", { error });
    });
  }
  app = makeApp(parsed, logging, null);
  app.happenings.listen((happening) => {
    if (happening.kind === "gave_up" && !stopping) void end(EXIT.gaveUp);
  });
  await app.listen();
  await app.start();
}

main().catch(async (error) => {
  if (stopping) return;
  complain(error);
  await end(exitCodeOf(error));
});
