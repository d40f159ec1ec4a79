import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Happenings } from "../happenings.ts";
import { HealthMonitor } from "./monitor.ts";

function monitorOf(happenings: Happenings): HealthMonitor {
  return new HealthMonitor({
    ...{ clock: new FakeClock(), happenings, service: { name: "s", version: "1" }, streams: ["s"], consuming: false },
    ...{ commandTimeoutMs: 5_000, blockMs: 1_000, stalled: () => [], warnings: () => [] },
    spare: (link) => link === "spare",
  });
}

Deno.test("the loss of a link makes the service not ready, but of one without which all work goes on", () => {
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const monitor = monitorOf(happenings);
  happenings.emit({ kind: "lifecycle", state: "running" });
  happenings.emit({ kind: "beat", stream: "s", ok: true, latencyMs: 1 });
  happenings.emit({ kind: "link", channel: "spare", state: "lost", cause: "max_clients" });
  assert.deepEqual(monitor.verdict(), { ok: true });
  happenings.emit({ kind: "link", channel: "command", state: "lost", cause: "max_clients" });
  assert.equal(monitor.verdict().ok, false);
  monitor.dispose();
});

Deno.test("of the causes of lost links the one that says most is told, and of those that say what is wrong the latest", () => {
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const monitor = monitorOf(happenings);
  const told = (["connection", "timeout", "connection", "tls", "timeout", "connection", "auth"] as const).map(
    (cause) => {
      happenings.emit({ kind: "link", channel: "command", state: "lost", cause });
      const verdict = monitor.verdict();
      return verdict.ok ? null : verdict.reason;
    },
  );
  assert.deepEqual(told, ["connection", "timeout", "timeout", "tls", "tls", "tls", "auth"]);
  monitor.dispose();
});
