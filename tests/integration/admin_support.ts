/** What the tests of the admin API and the command line share. */
import { type ServiceProcess, startServiceProcess } from "../../testing/service_process.ts";

export const TOKEN = "an-admin-token-for-these-tests";
export const STREAM = "event-stream";
export const GROUP = "redis-stream-service";

/** Settings of a service and its command line. */
export function settings(redisUrl: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    REDIS_URL: redisUrl,
    ADMIN_TOKEN: TOKEN,
    HANDLERS: "./tests/fixtures/admin_handlers.ts",
    RETRY_BACKOFF: "60000",
    TEST_EVENT_INTERVAL: "0",
    ...more,
  };
}

/** A service that is ready. */
export async function startAdminService(
  env: Readonly<Record<string, string>>,
): Promise<{ service: ServiceProcess; url: string }> {
  const service = startServiceProcess({ env });
  try {
    return { service, url: await service.ready() };
  } catch (error) {
    await service[Symbol.asyncDispose]();
    throw error;
  }
}

/** Asks the admin API. */
export async function ask(
  url: string,
  path: string,
  method = "GET",
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}/admin/api/${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${TOKEN}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: await response.json() };
}

/** What a command line came to. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly json: () => Record<string, unknown>;
}

/** Runs `deno task cli`, with the permissions that the task has. */
export async function cli(env: Readonly<Record<string, string>>, ...args: string[]): Promise<CliResult> {
  const inherited = ["PATH", "HOME", "DENO_DIR", "TMPDIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "cli", ...args],
    cwd: new URL("../../", import.meta.url),
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), ...env },
    stdin: "null",
  }).output();
  const out = new TextDecoder().decode(stdout);
  return { code, out, err: new TextDecoder().decode(stderr), json: () => JSON.parse(out) };
}
