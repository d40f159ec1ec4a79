/**
 * What people read of a campaign: a table, and on failure what is wrong and how to see it again.
 * @module
 */
import { type CampaignResult, passed } from "./campaign.ts";
import { CLASSES } from "./check.ts";
import { kept, type Recovery } from "./recovery.ts";

const MAX_IDS = 10;

/** The whole report, several lines. */
export function reportOf(result: CampaignResult): string {
  const { verdict, published, brokerStruck, workerStruck, replicas, processes, seconds } = result;
  const lines = [
    `seed ${result.seed}: ${published} events, ${replicas} replicas (${processes} processes), ` +
    `${brokerStruck} broker faults, ${workerStruck} worker faults, ${seconds} s`,
    "",
    ...CLASSES.toReversed().map((name) => row(name, verdict.classes[name].length)),
    row("ended otherwise than planned", verdict.strays.length),
    row("refused by Redis, and not there", verdict.refused),
    row("unanswered, yet published", verdict.recovered),
    row("named by the service as lost by the store", result.named),
    row("handled again", verdict.redeliveries),
    row("emitted by fenced attempts, discarded", verdict.discarded),
    ...Object.entries(result.left).map(([name, count]) => row(`left ${name}`, count)),
    "",
    ...recoveryTable(result.recoveries),
    "",
    ...failures(result),
    passed(result) ? "PASSED" : `FAILED; to see it again: FAULT_SEED=${result.seed} deno task test:faults`,
  ];
  return lines.join("\n");
}

function failures({ verdict, complaints, evidence }: CampaignResult): string[] {
  const wrong = CLASSES.filter((name) => name !== "ok" && name !== "unknown");
  const lists = [...wrong.map((name) => [name, verdict.classes[name]] as const), ["stray", verdict.strays] as const];
  const found = lists.filter(([, ids]) => ids.length > 0);
  return [...found.map(([name, ids]) => `${name}: ${ids.slice(0, MAX_IDS).join(" ")}`), ...evidence, ...complaints];
}

function recoveryTable(recoveries: readonly Recovery[]): string[] {
  const groups = new Map<string, Recovery[]>();
  for (const recovery of recoveries) {
    const name = `${recovery.fault}: ${recovery.owed}`;
    groups.set(name, [...groups.get(name) ?? [], recovery]);
  }
  const head = ["recovery", "faults", "measured", "p50 ms", "p100 ms", "bound ms", "lone ms", "slack ms", "late"];
  const rows = [...groups].sort(([a], [b]) => a < b ? -1 : 1).map(([name, group]) => recoveryRow(name, group));
  return [head, ...rows].map(([name = "", ...cells]) =>
    name.padEnd(46) + cells.map((cell) => cell.padStart(10)).join("")
  );
}

function recoveryRow(name: string, group: readonly Recovery[]): string[] {
  const times = group.flatMap(({ ms }) => ms === null ? [] : [ms]).sort((a, b) => a - b);
  const most = (values: readonly number[]): string => values.length === 0 ? "-" : String(Math.max(...values));
  const middle = times[Math.floor((times.length - 1) / 2)];
  return [
    name,
    String(group.length),
    String(times.length),
    String(middle ?? "-"),
    most(times),
    most(group.map(({ boundMs }) => boundMs)),
    most(group.map(({ loneMs }) => loneMs)),
    most(group.map(({ slackMs }) => slackMs)),
    String(group.filter((recovery) => !kept(recovery)).length),
  ];
}

function row(name: string, count: number): string {
  return `${name.padEnd(46)}${String(count).padStart(10)}`;
}
