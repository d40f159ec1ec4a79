/**
 * The least Deno permissions that a configuration needs. Deno fixes permissions when a process starts, so that a small
 * step before `main.ts` works them out; the tasks put what it prints on the command line.
 * @module
 */
import { formatAddress } from "../src/config/address.ts";
import { parseConfig } from "../src/config/parse.ts";
import { ENV_NAMES, SETTING_NAMES } from "../src/config/table.ts";
import type { Config } from "../src/config/types.ts";
import { realDirOf, socketPathOf } from "../src/store/redis/embedded/paths.ts";

/** Kinds of permission that are given as lists. */
export type PermissionKind = "net" | "env" | "read" | "write" | "run" | "sys" | "import";

/** What is allowed, by kind: a list, or everything. Kinds that are absent are denied. */
export type Permissions = Readonly<Partial<Record<PermissionKind, readonly string[] | true>>>;

/** What is asked. */
export interface PermissionsRequest {
  /** The environment, that of `.env` included. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** May start an embedded Redis where the configuration names none. */
  readonly mayEmbed: boolean;
  /** Contents of `permissions.json` beside the handlers module: what the handlers need; null when there is none. */
  readonly handlersNeed: unknown;
  /** For the command line: reaches Redis (an embedded one only where it runs) and does nothing else. Default false. */
  readonly cli?: boolean;
}

/** Programs that can be the embedded Redis. */
export const REDIS_PROGRAMS: readonly string[] = ["redis-server", "valkey-server"];

const FILE_SETTINGS = SETTING_NAMES.filter((name) => name.endsWith("_FILE"));

/** Code that a handlers module imports from us; imports of a module named at run time count as reading. */
const OWN_CODE: readonly string[] = ["mod.ts", "src"];

/** Its files are read when somebody opens it. */
const DASHBOARD: Permissions = { read: ["src/dashboard"] };

/** True when the environment names no Redis, so that the service runs its own. */
export function wantsEmbedded(env: Readonly<Record<string, string | undefined>>): boolean {
  return !["REDIS_URL", "REDIS_HOST", "REDIS_SENTINELS", "REDIS_CLUSTER_NODES"].some((name) => env[name]);
}

/**
 * Works them out. A wrong configuration gets what is needed to report it, nothing to connect with.
 * @throws {TypeError} `handlersNeed` has another shape than `{"net": ["host:port"], …}`.
 */
export async function permissionsFor({ env, mayEmbed, handlersNeed, cli }: PermissionsRequest): Promise<Permissions> {
  const files = FILE_SETTINGS.flatMap((name) => env[name] || []);
  const base: Permissions = {
    env: ENV_NAMES,
    sys: ["hostname"],
    read: files,
  };
  const config = configOf(env);
  if (config === null) return base;
  if (cli) {
    const { run: _, ...redis } = await ofRedis(config, true);
    return merge(base, redis);
  }
  const dashboard = config.http.adminToken === null ? {} : DASHBOARD;
  const parts = [
    base,
    dashboard,
    ofHandlers(config.handlers),
    await ofRedis(config, mayEmbed),
    handlersPart(handlersNeed),
  ];
  return [{ net: [formatAddress(config.http)] }, ...parts].reduce(merge, {});
}

/** As words of a command line. A value that cannot be one word opens its whole kind, and is told to `note`. */
export function flagsOf(permissions: Permissions, note: (text: string) => void): string[] {
  return Object.entries(permissions).flatMap(([kind, values]) => {
    if (values === true) return [`--allow-${kind}`];
    if (values.length === 0) return [];
    const odd = values.find((value) => /[\s,"'$`\\*?]/.test(value) && kind !== "env");
    if (odd === undefined) return [`--allow-${kind}=${values.join(",")}`];
    note(`"${odd}" cannot be named on a command line: --allow-${kind} without limits`);
    return [`--allow-${kind}`];
  });
}

/** The folder of a handlers module, relative to the working directory or absolute; null when it is no local file. */
export function handlersFolder(handlers: string): string | null {
  if (/^(https?|npm|jsr|data|blob):/.test(handlers)) return null;
  const path = handlers.startsWith("file:") ? decodeURIComponent(new URL(handlers).pathname) : handlers;
  const cut = path.lastIndexOf("/");
  return cut < 0 ? "." : path.slice(0, cut) || "/";
}

function configOf(env: Readonly<Record<string, string | undefined>>): Config | null {
  try {
    return parseConfig(env, { hostname: "host", version: "0", mintToken: () => "token" }).config;
  } catch {
    return null;
  }
}

function ofHandlers(handlers: string): Permissions {
  const folder = handlersFolder(handlers);
  if (folder !== null) return { read: [folder, ...OWN_CODE] };
  return /^https?:/.test(handlers) ? { import: [new URL(handlers).host] } : {};
}

async function ofRedis(config: Config, mayEmbed: boolean): Promise<Permissions> {
  const { topology } = config.redis;
  switch (topology.kind) {
    case "single":
      return { net: [formatAddress(topology.address)] };
    case "unix":
      return ofSocket(topology.path);
    // The servers name each other's addresses: nobody knows them beforehand.
    case "sentinel":
    case "cluster":
      return { net: true };
    case "embedded":
      return mayEmbed ? await ofEmbedded(topology.dir) : {};
  }
}

function ofSocket(path: string): Permissions {
  return { net: [`unix:${path}`], read: [path], write: [path] };
}

async function ofEmbedded(dir: string): Promise<Permissions> {
  const real = await realDirOf(dir);
  const socketPath = await socketPathOf(real);
  const folders = [...new Set([real, socketPath.slice(0, socketPath.lastIndexOf("/"))])];
  return { net: [`unix:${socketPath}`], read: folders, write: folders, run: REDIS_PROGRAMS };
}

function handlersPart(need: unknown): Permissions {
  if (need === null || need === undefined) return {};
  const isList = (value: unknown): boolean =>
    value === true || (Array.isArray(value) && value.every((item) => typeof item === "string"));
  const kinds = ["net", "env", "read", "write", "run", "sys", "import"];
  const fits = typeof need === "object" && !Array.isArray(need) &&
    Object.entries(need).every(([kind, value]) => kinds.includes(kind) && isList(value));
  if (!fits) {
    throw new TypeError(`reading permissions.json: want {"net": ["host:port"]} with the kinds ${kinds.join(", ")}`);
  }
  return need as Permissions;
}

function merge(a: Permissions, b: Permissions): Permissions {
  const merged: Partial<Record<PermissionKind, readonly string[] | true>> = { ...a };
  for (const [kind, values] of Object.entries(b) as [PermissionKind, readonly string[] | true][]) {
    const before = merged[kind] ?? [];
    merged[kind] = before === true || values === true ? true : [...new Set([...before, ...values])];
  }
  return merged;
}
