import assert from "node:assert/strict";
import type { ServerState } from "../store/admin_port.ts";
import type { Durability } from "../store/port.ts";
import { diagnose } from "./doctor.ts";

const HEALTHY: ServerState = {
  product: "redis",
  version: "7.0.15",
  role: "master",
  loading: false,
  replicas: 0,
  aof: true,
  snapshots: "",
  lastWriteFailed: false,
  evictionPolicy: "noeviction",
  memoryLimit: 0,
  memoryUsed: 1_000_000,
  clockSkewMs: 3,
  roundTripMs: 1,
  forbidden: [],
  unknown: [],
  writeRefused: null,
};
const MEMORY: Durability = { level: "memory" };

/** What is not well, `check:status`. */
function complaints(state: Partial<ServerState>, durability: Durability = MEMORY): string[] {
  const { ok, findings } = diagnose({ ...HEALTHY, ...state }, durability);
  assert.equal(ok, findings.every(({ status }) => status !== "wrong"));
  for (const { status, advice } of findings) {
    assert.equal(advice === null, status === "ok", "advice where it is needed");
  }
  return findings.filter(({ status }) => status !== "ok").map(({ check, status }) => `${check}:${status}`);
}

Deno.test("a server that is as it should be gets no complaint", () => {
  assert.deepEqual(complaints({}), []);
  assert.deepEqual(complaints({ version: "8.1.0", product: "valkey" }), []);
});

Deno.test("each thing that is wrong or risky is found, and nothing else with it", () => {
  const cases: [Partial<ServerState>, string][] = [
    [{ version: "6.2.14" }, "version:wrong"],
    [{ version: null }, "version:unknown"],
    [{ unknown: ["XADD"] }, "version:wrong"],
    [{ loading: true }, "writes:wrong"],
    [{ writeRefused: "misconf" }, "writes:wrong"],
    [{ writeRefused: "something_new" }, "writes:wrong"],
    [{ lastWriteFailed: true }, "writes:wrong"],
    [{ role: "slave" }, "role:wrong"],
    [{ forbidden: ["XINFO STREAM", "XADD"] }, "permissions:wrong"],
    [{ aof: false }, "persistence:risk"],
    [{ aof: false, snapshots: "3600 1" }, "persistence:risk"],
    [{ aof: false, snapshots: null }, "persistence:risk"],
    [{ evictionPolicy: "allkeys-lru" }, "eviction:risk"],
    [{ evictionPolicy: "volatile-ttl", memoryLimit: 100_000_000 }, "eviction:wrong"],
    [{ memoryUsed: 80, memoryLimit: 100 }, "memory:risk"],
    [{ memoryUsed: 96, memoryLimit: 100 }, "memory:wrong"],
    [{ clockSkewMs: -5_000 }, "clock:risk"],
    [{ clockSkewMs: 120_000 }, "clock:wrong"],
    [{ clockSkewMs: null }, "clock:unknown"],
  ];
  for (const [state, complaint] of cases) assert.deepEqual(complaints(state), [complaint], JSON.stringify(state));
});

Deno.test("what PUBLISH_DURABILITY wants must be there", () => {
  assert.deepEqual(complaints({ replicas: 1 }, { level: "replica", replicas: 2 }), ["replicas:wrong"]);
  assert.deepEqual(complaints({ replicas: 2 }, { level: "replica", replicas: 2 }), []);
  assert.deepEqual(complaints({}, { level: "fsync" }), ["version:wrong"]);
  assert.deepEqual(complaints({ version: "7.2.0" }, { level: "fsync" }), []);
  assert.deepEqual(complaints({ version: "7.2.0", aof: false }, { level: "fsync" }), ["persistence:wrong"]);
  const { findings } = diagnose({ ...HEALTHY, unknown: ["WAITAOF"] }, { level: "fsync" });
  assert.match(findings[0]?.advice ?? "", /needs Redis 7.2/);
});

Deno.test("missing permissions are told as a line for ACL SETUSER", () => {
  const { findings } = diagnose({ ...HEALTHY, forbidden: ["XINFO STREAM", "XADD"] }, MEMORY);
  const advice = findings.find(({ check }) => check === "permissions")?.advice ?? "";
  assert.match(advice, /ACL SETUSER <user> \+xinfo\|stream \+xadd/);
});
