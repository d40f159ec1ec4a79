/**
 * Metrics of the process itself. Not those that come with the library: without the right to read `/proc`, which this
 * service does not ask for, they say 0.
 * @module
 */
import { cpuUsage } from "node:process";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Clock } from "../clock.ts";

/** Adds them. @param clock Its monotonic time is taken to begin with the process. */
export function registerProcessMetrics(registry: Registry, clock: Clock): void {
  const registers = [registry];
  const memory = (name: string, help: string, pick: (usage: Deno.MemoryUsage) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect(): void {
        this.set(pick(Deno.memoryUsage()));
      },
    });
  };
  memory("process_resident_memory_bytes", "Resident memory.", (usage) => usage.rss);
  memory("process_heap_bytes", "Heap, all of it.", (usage) => usage.heapTotal);
  memory("process_heap_used_bytes", "Heap in use.", (usage) => usage.heapUsed);
  memory("process_external_memory_bytes", "Memory outside the heap that objects hold.", (usage) => usage.external);
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time, user and system.",
    registers,
    collect(): void {
      const { user, system } = cpuUsage();
      this.reset();
      this.inc((user + system) / 1_000_000);
    },
  });
  const startedAt = (clock.now() - clock.monotonic()) / 1_000;
  new Gauge({ name: "process_start_time_seconds", help: "Start of the process, since the epoch.", registers }).set(
    startedAt,
  );
}
