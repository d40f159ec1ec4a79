/**
 * Runs the full fault campaign: `deno task test:faults`. Prints a table, writes everything as JSON to a temporary file,
 * and ends with 1 when anything is wrong.
 *
 * `FAULT_SEED` repeats a schedule; `FAULT_EVENTS`, `FAULT_REPLICAS`, `FAULT_BROKER` and `FAULT_WORKER` change the size.
 * @module
 */
import { passed, runCampaign } from "../tests/faults/campaign/campaign.ts";
import { reportOf } from "../tests/faults/campaign/report.ts";

function setting(name: string, fallback: number): number {
  const text = Deno.env.get(name) ?? "";
  const value = text === "" ? fallback : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is ${text}, wanted is a whole number`);
  return value;
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) {
  const seed = setting("FAULT_SEED", crypto.getRandomValues(new Uint32Array(1))[0]!);
  say(`seed ${seed}`);
  // Ended in good order, so that no server or service is left behind.
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => interrupt.abort());
  const result = await runCampaign({
    seed,
    events: setting("FAULT_EVENTS", 100_000),
    replicas: setting("FAULT_REPLICAS", 4),
    brokerFaults: setting("FAULT_BROKER", 64),
    workerFaults: setting("FAULT_WORKER", 104),
    say,
    signal: interrupt.signal,
  });
  const { verdict, ...rest } = result;
  const { ok, ...classes } = verdict.classes;
  const path = await Deno.makeTempFile({ prefix: "fault-campaign-", suffix: ".json" });
  const shown = { ...rest, verdict: { ...verdict, classes: { ok: ok.length, ...classes } } };
  await Deno.writeTextFile(path, JSON.stringify(shown, null, 2));
  say(`\n${reportOf(result)}\n\neverything: ${path}`);
  Deno.exit(passed(result) ? 0 : 1);
}
