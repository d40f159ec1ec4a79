/** Memory: the heap's limit comes from the container's, and a backlog of large entries stays within 512 MiB. */
import assert from "node:assert/strict";
import { V8_FLAGS } from "../../tools/print_flags.ts";
import { procStatusKb } from "../../testing/proc.ts";
import { startRedis, type TestRedis } from "../../testing/redis_server.ts";
import { startServiceProcess, status } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";

const LIMIT_MIB = 512;

/**
 * Entries in the backlog and bytes in each. `MEMORY_BACKLOG=100000x10000` is the long version (1 GB in Redis, a minute);
 * anything else of that form measures something else.
 */
const [COUNT, BYTES] = (Deno.env.get("MEMORY_BACKLOG") ?? "20000x10000").split("x").map(Number) as [number, number];

/** Appends the backlog, a few megabytes at a time. */
async function fill(redis: TestRedis): Promise<void> {
  const data = JSON.stringify({ text: "x".repeat(BYTES) });
  const script = `for i = 1, ARGV[1] do
    redis.call('XADD', KEYS[1], '*', 'id', ARGV[2] + i, 'type', 'memory.big', 'source', 't', 'data', ARGV[3])
  end`;
  const step = Math.max(1, Math.floor(10_000_000 / BYTES));
  for (let done = 0; done < COUNT; done += step) {
    const args = ["EVAL", script, 1, "event-stream", Math.min(step, COUNT - done), done, data];
    await redis.command(args, { timeoutMs: 20_000 });
  }
}

/** A figure of `/proc/PID/status`, MiB. */
async function memoryOf(pid: number, name: "VmHWM" | "VmRSS"): Promise<number> {
  const found = await procStatusKb(pid, name);
  assert.ok(found > 0, `no ${name} of ${pid}`);
  return found / 1_024;
}

async function left(redis: TestRedis): Promise<number> {
  const [group] = await redis.command(["XINFO", "GROUPS", "event-stream"]) as readonly (readonly unknown[])[];
  const value = (name: string): number => Number(group![group!.findIndex((item) => text(item) === name) + 1] ?? NaN);
  return value("lag") + value("pending");
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
}

Deno.test({
  name: `a backlog of ${COUNT} entries of ${BYTES} bytes is handled within ${LIMIT_MIB} MiB, and probes are answered`,
  ignore: Deno.build.os !== "linux",
}, async (t) => {
  await using redis = await startRedis({ config: { maxmemory: "0" } });
  await fill(redis);
  await using service = startServiceProcess({
    env: {
      REDIS_URL: redis.url,
      HANDLERS: "./tests/deploy/memory_handlers.ts",
      // What deploy/docker/entrypoint.sh makes of a limit of 512 MiB.
      DENO_V8_FLAGS: `--max-old-space-size=${LIMIT_MIB / 2},${V8_FLAGS}`,
    },
  });
  const startedAt = performance.now();
  const url = await service.ready();
  await waitFor(async () => {
    assert.ok(await status(`${url}/health/live`, 200));
    return await left(redis) === 0;
  }, { timeoutMs: 300_000, everyMs: 250, what: "the backlog to be handled" });
  const seconds = (performance.now() - startedAt) / 1_000;
  const [peak, now] = [await memoryOf(service.pid, "VmHWM"), await memoryOf(service.pid, "VmRSS")];
  // A quiet run shows what a test prints only where it fails, but the names of steps always.
  const shown = `peak ${peak.toFixed(0)} MiB, at the end ${now.toFixed(0)} MiB, ${seconds.toFixed(1)} s`;
  if (Deno.env.get("MEMORY_BACKLOG")) await t.step(shown, () => {});
  assert.ok(peak < LIMIT_MIB, `peak of ${peak.toFixed(0)} MiB resident`);
  service.signal("SIGTERM");
  assert.equal(await service.exited(), 0, service.output.slice(-2_000));
});

/** Runs the entry point with `deno` replaced by one that tells its flags. @returns `DENO_V8_FLAGS` of main.ts. */
async function heapFlag(files: Readonly<Record<string, string>>, env: Record<string, string> = {}): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${dir}/memory`);
    await Deno.mkdir(`${dir}/bin`);
    for (const [name, content] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, content);
    const tell = `#!/bin/sh\ncase "$*" in *main.ts) echo "\${DENO_V8_FLAGS-none}" ;; esac\n`;
    await Deno.writeTextFile(`${dir}/bin/deno`, tell, { mode: 0o755 });
    const script = (await Deno.readTextFile("deploy/docker/entrypoint.sh")).replaceAll("/sys/fs/cgroup", dir);
    await Deno.writeTextFile(`${dir}/entrypoint.sh`, script);
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: [`${dir}/entrypoint.sh`],
      clearEnv: true,
      env: { PATH: `${dir}/bin:${Deno.env.get("PATH")}`, ...env },
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test({ name: "half of the container's limit is the heap's", ignore: Deno.build.os !== "linux" }, async () => {
  const half = `--max-old-space-size=256,${V8_FLAGS}`;
  assert.equal(await heapFlag({ "memory.max": "536870912\n" }), half);
  assert.equal(await heapFlag({ "memory/memory.limit_in_bytes": "536870912\n" }), half);
  assert.equal(await heapFlag({ "memory.max": "max\n" }), "none");
  // What version 1 says where there is no limit.
  assert.equal(await heapFlag({ "memory/memory.limit_in_bytes": "9223372036854771712\n" }), "none");
  assert.equal(await heapFlag({}), "none");
  // Too little for much that is young.
  assert.equal(await heapFlag({ "memory.max": "268435456\n" }), "--max-old-space-size=128");
  const own = { DENO_V8_FLAGS: "--max-old-space-size=100" };
  assert.equal(await heapFlag({ "memory.max": "536870912\n" }, own), own.DENO_V8_FLAGS);
});

Deno.test("the service gets room for what is young, unless flags of V8 are given", async () => {
  const flags = async (tool: string, env: Record<string, string>): Promise<string> => {
    const args = ["run", "-q", "--allow-env", "--allow-read", `tools/${tool}.ts`];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, env }).output();
    return new TextDecoder().decode(stdout);
  };
  for (const tool of ["launch", "prod_permissions"]) {
    assert.ok((await flags(tool, {})).includes(`--v8-flags=${V8_FLAGS} `), tool);
    assert.ok(!(await flags(tool, { DENO_V8_FLAGS: "--max-old-space-size=200" })).includes("--v8-flags"), tool);
  }
  assert.ok(!(await flags("cli_permissions", {})).includes("--v8-flags"));
});
