import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { diagnose } from "../../admin/doctor.ts";
import { StoreRefusedError } from "../../errors.ts";
import type { Arg, RedisChannel, Reply } from "./channel.ts";
import { RedisInspector } from "./inspect.ts";

/** A server that says this in `INFO`, permits everything, and knows no command of a given name. */
function serverThatSays(info: Readonly<Record<string, string>>, unknown = ""): RedisChannel {
  const text = Object.entries(info).map(([name, value]) => `${name}:${value}`).join("\r\n");
  const answer = (args: readonly Arg[]): Reply | StoreRefusedError => {
    const [first, second, , ...rest] = args.map(String);
    if (first === "TIME") return [String(Math.floor(systemClock.now() / 1_000)), "0"];
    if (first === "INFO") return text;
    if (first === "CONFIG") return ["save", ""];
    if (second === "WHOAMI") return "default";
    if (second === "DRYRUN") {
      return rest[0] === unknown ? new StoreRefusedError("unknown", `ERR Command '${unknown}' not found`) : "OK";
    }
    return "OK";
  };
  return {
    name: "fake",
    state: "ready",
    clientId: 1,
    linkId: 1,
    send: (args) => Promise.resolve(answer(args) as Reply),
    pipeline: (commands) => Promise.resolve(commands.map(answer)),
    reset: () => {},
    whenReady: () => Promise.resolve(),
  };
}

const SOUND = { role: "master", aof_enabled: "1", maxmemory_policy: "noeviction", maxmemory: "0", used_memory: "1" };

async function versionFinding(info: Readonly<Record<string, string>>, unknown?: string): Promise<readonly string[]> {
  const command = serverThatSays({ ...SOUND, connected_slaves: "0", ...info }, unknown);
  const inspector = new RedisInspector({
    stream: "s",
    group: "g",
    command,
    clock: systemClock,
    durability: { level: "memory" },
  });
  const { findings } = diagnose(await inspector.inspect(), { level: "memory" });
  const version = findings.find(({ check }) => check === "version")!;
  return [version.status, version.found];
}

Deno.test("Valkey is known by either of its names, and newer Redis by its version", async () => {
  const valkey8 = { server_name: "valkey", redis_version: "7.2.4", valkey_version: "8.1.0" };
  assert.deepEqual(await versionFinding(valkey8), ["ok", "Valkey 8.1.0"]);
  assert.deepEqual(await versionFinding({ server_name: "valkey", redis_version: "7.2.4" }), ["ok", "Valkey 7.2.4"]);
  assert.deepEqual(await versionFinding({ redis_version: "8.2.1" }), ["ok", "Redis 8.2.1"]);
  assert.deepEqual((await versionFinding({ redis_version: "6.2.14" }))[0], "wrong");
});

Deno.test("a command that the server does not know is named, whatever its version says", async () => {
  const found = await versionFinding({ redis_version: "7.2.4" }, "XCLAIM");
  assert.deepEqual(found, ["wrong", "Redis 7.2.4 without XCLAIM"]);
});
