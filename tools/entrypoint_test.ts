/** The container's process 1: signals go down, the exit code comes up, also while it starts. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { until, waitFor } from "../testing/wait.ts";

const BOUND = { timeoutMs: 20_000 };

/** Deno itself reads `/proc` only where everything is allowed. A file that is gone is empty. */
async function cat(path: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [path], stdin: "null", stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}

/** A running entry point, away from any Redis. */
class Entry implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #read: Promise<void>;
  output = "";

  constructor(env: Record<string, string> = {}) {
    const kept = ["HOME", "DENO_DIR", "NPM_CONFIG_REGISTRY"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    this.#process = new Deno.Command("/bin/sh", {
      args: ["deploy/docker/entrypoint.sh"],
      clearEnv: true,
      env: {
        ...Object.fromEntries(kept),
        PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
        REDIS_HOST: "127.0.0.1",
        REDIS_PORT: "1",
        SERVICE_PORT: "0",
        ...env,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#read = this.#collect();
  }

  /** Waits for its child that runs this file. @returns The child's process id. */
  child(file: string): Promise<number> {
    const find = async (): Promise<number> => {
      for (const id of await this.#children()) if ((await cat(`/proc/${id}/cmdline`)).includes(file)) return id;
      return 0;
    };
    return waitFor(find, { ...BOUND, everyMs: 1, what: `a child that runs ${file}` });
  }

  /** Waits until the service has started and tries to connect. */
  async started(): Promise<void> {
    await waitFor(() => this.output.includes("ECONNREFUSED"), { ...BOUND, what: "the service to try to connect" });
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async code(): Promise<number> {
    return (await until(this.#process.status, { ...BOUND, what: "the entry point to end" })).code;
  }

  /** Children first: a killed shell would leave them behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of await this.#children()) kill(id);
    kill(this.#process.pid);
    await this.#process.status;
    await this.#read;
  }

  async #children(): Promise<number[]> {
    const { pid } = this.#process;
    return (await cat(`/proc/${pid}/task/${pid}/children`)).split(" ").filter(Boolean).map(Number);
  }

  async #collect(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) this.output += text;
  }
}

function kill(id: number): void {
  try {
    Deno.kill(id, "SIGKILL");
  } catch {
    // It has ended.
  }
}

const ignore = Deno.build.os !== "linux";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(
    { name: `${signal} while the permissions are worked out: exit 0, and nothing is started`, ignore },
    async () => {
      await using entry = new Entry();
      await entry.child("tools/prod_permissions.ts");
      entry.signal(signal);
      assert.equal(await entry.code(), 0);
      assert.equal(entry.output, "");
    },
  );

  Deno.test({ name: `${signal} before main.ts listens for signals: exit 0`, ignore }, async () => {
    await using entry = new Entry();
    await entry.child("main.ts");
    entry.signal(signal);
    assert.equal(await entry.code(), 0);
  });
}

Deno.test({ name: "a signal drains the service, a second one forces the end: 130", ignore }, async () => {
  await using entry = new Entry({ SHUTDOWN_DELAY: "15000" });
  await entry.started();
  entry.signal("SIGTERM");
  await waitFor(() => entry.output.includes("draining"), { ...BOUND, what: "the service to drain" });
  // An echo of the first one within 15 ms counts as the first.
  const started = performance.now();
  await waitFor(() => performance.now() - started > 50);
  entry.signal("SIGINT");
  assert.equal(await entry.code(), 130);
});

Deno.test(
  { name: "the service's own exit code comes out: 2 for the configuration, 137 for a kill", ignore },
  async () => {
    await using wrong = new Entry({ LEASE_MS: "none" });
    assert.equal(await wrong.code(), 2);
    await using killed = new Entry();
    await killed.started();
    kill(await killed.child("main.ts"));
    assert.equal(await killed.code(), 137);
  },
);
