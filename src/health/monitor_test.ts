import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { Happenings } from "../happenings.ts";
import { HealthMonitor } from "./monitor.ts";

Deno.test("the loss of a link makes the service not ready, but of one without which all work goes on", () => {
  const happenings = new Happenings((error) => assert.fail(String(error)));
  const monitor = new HealthMonitor({
    ...{ clock: new FakeClock(), happenings, service: { name: "s", version: "1" }, streams: ["s"], consuming: false },
    ...{ commandTimeoutMs: 5_000, blockMs: 1_000, stalled: () => [], warnings: () => [] },
    spare: (link) => link === "spare",
  });
  happenings.emit({ kind: "lifecycle", state: "running" });
  happenings.emit({ kind: "beat", stream: "s", ok: true, latencyMs: 1 });
  happenings.emit({ kind: "link", channel: "spare", state: "lost", cause: "max_clients" });
  assert.deepEqual(monitor.verdict(), { ok: true });
  happenings.emit({ kind: "link", channel: "command", state: "lost", cause: "max_clients" });
  assert.equal(monitor.verdict().ok, false);
  monitor.dispose();
});
