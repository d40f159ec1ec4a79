/**
 * From an environment to a running app: what `main.ts` and `createService` share.
 * @module
 */
import { App } from "./app.ts";
import meta from "../deno.json" with { type: "json" };
import { systemClock, systemRandom } from "./clock.ts";
import { parseConfig } from "./config/parse.ts";
import { ENV_NAMES, TRACING_NAME } from "./config/table.ts";
import type { ParsedConfig } from "./config/types.ts";
import { collect, type HandlersModule } from "./handling/load.ts";
import type { Service, ServiceOptions } from "./service.ts";
import { createLogging, type Logging } from "./telemetry/logging.ts";

/** Reads and checks the settings. @throws {ConfigError} With every problem. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ParsedConfig {
  return parseConfig(env, {
    hostname: hostname(),
    version: meta.version,
    readFile: (path) => Deno.readTextFileSync(path),
    mintToken: () => crypto.randomUUID().replaceAll("-", ""),
  });
}

/** The environment of the process: all of it where that is permitted, else the settings by name. */
export function environment(): Record<string, string | undefined> {
  try {
    return Deno.env.toObject();
  } catch {
    return Object.fromEntries(ENV_NAMES.map((name) => [name, Deno.env.get(name)]));
  }
}

/** Makes the logging that the settings ask for, and says what was odd about them. */
export function openLogging({ config, secrets, warnings }: ParsedConfig): Logging {
  const logging = createLogging({
    level: config.log.level,
    format: config.log.format,
    timezone: config.log.timezone,
    serviceName: config.service.name,
    secrets,
    clock: systemClock,
    color: Deno.stdout.isTerminal(),
    noColor: Deno.noColor,
  });
  const log = logging.logger("config");
  for (const warning of warnings) log.warn("{warning}", { warning });
  return logging;
}

/** Makes an app on the real clock. */
export function makeApp(parsed: ParsedConfig, logging: Logging, handlers: HandlersModule | null): App {
  return new App({
    config: parsed.config,
    logging,
    clock: systemClock,
    random: systemRandom,
    handlers,
    cwd: Deno.cwd(),
    tracing: wantsTracing(),
  });
}

/** See `createService`. */
export async function openService(options: ServiceOptions): Promise<Service> {
  const parsed = readConfig(options.env ?? environment());
  const handlers = options.handlers === undefined ? null : collect({ ...options.handlers });
  const logging = openLogging(parsed);
  const app = makeApp(parsed, logging, handlers);
  const stopped = new AbortController();
  const stop = async (): Promise<number> => {
    stopped.abort(new Error("The service was stopped before it was ready"));
    const code = await app.stop();
    await logging[Symbol.asyncDispose]();
    return code;
  };
  try {
    await app.listen();
    await app.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const ready = app.ready(stopped.signal);
  // Not everybody waits for it.
  ready.catch(() => {});
  return {
    url: app.url,
    port: app.port,
    ready,
    publish: (event) => app.publish(event),
    stop,
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}

/** Deno decides it once for the whole process, by its own environment, whatever a program gives us. */
function wantsTracing(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: TRACING_NAME });
  return state === "granted" && ["true", "1"].includes(Deno.env.get(TRACING_NAME) ?? "");
}

function hostname(): string {
  try {
    return Deno.hostname();
  } catch {
    // Not permitted: the suffix that each start adds keeps names apart all the same.
    return "consumer";
  }
}
