/**
 * What is measured: named series of rounds, and how they are told.
 * @module
 */
import { median, spread } from "./stats.ts";

/** One round of one way. */
export interface Round {
  /** Per second, or whatever the unit of the series is. */
  readonly value: number;
  /** Processor seconds for 100,000 of them, where that was measured. */
  readonly cpu?: number;
  /** Load average of the machine afterwards. */
  readonly load: number;
}

/** All rounds of one way to do it. */
export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly rounds: readonly Round[];
}

/** A ratio that is wanted. */
export interface Target {
  readonly what: string;
  readonly found: number;
  /** `>= 0.6`, `<= 0.8`; empty: only told. */
  readonly wanted: string;
}

/** What a scenario found. */
export interface Result {
  readonly scenario: string;
  readonly title: string;
  readonly series: readonly Series[];
  readonly targets: readonly Target[];
  readonly notes: readonly string[];
}

/** Takes turns: each round runs every way once, each round beginning with another. */
export async function interleave(
  rounds: number,
  ways: readonly {
    readonly name: string;
    readonly unit: string;
    readonly run: (round: number) => Promise<Omit<Round, "load">>;
  }[],
): Promise<Series[]> {
  const found = ways.map(({ name, unit }) => ({ name, unit, rounds: [] as Round[] }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < ways.length; turn++) {
      const index = (round + turn) % ways.length;
      const measured = await ways[index]!.run(round);
      found[index]!.rounds.push({ ...measured, load: Deno.loadavg()[0]! });
    }
  }
  return found;
}

/** The series of that name. */
export function seriesOf(all: readonly Series[], name: string): Series {
  const found = all.find((series) => series.name === name);
  if (found === undefined) throw new Error(`no series ${name}`);
  return found;
}

/** Median value of a series. */
export function middle(series: Series): number {
  return median(series.rounds.map(({ value }) => value));
}

/** Median processor seconds for 100,000. */
export function middleCpu(series: Series): number {
  return median(series.rounds.flatMap(({ cpu }) => cpu === undefined ? [] : [cpu]));
}

/** Median of the ratios of rounds that ran side by side. */
export function ratio(of: Series, to: Series): number {
  return median(of.rounds.map(({ value }, index) => value / to.rounds[index]!.value));
}

/** Whether a target is met; null where it is only told, or was not measured. */
export function isMet({ found, wanted }: Target): boolean | null {
  if (Number.isNaN(found)) return null;
  const limit = Number(wanted.slice(3));
  if (wanted.startsWith(">=")) return found >= limit;
  return wanted.startsWith("<=") ? found <= limit : null;
}

/** A result as Markdown. */
export function markdown({ scenario, title, series, targets, notes }: Result): string {
  const lines = [
    `### ${scenario}: ${title}`,
    "",
    "| | median | spread | CPU s per 100,000 | load |",
    "| --- | ---: | ---: | ---: | ---: |",
  ];
  for (const one of series) {
    const values = one.rounds.map(({ value }) => value);
    const cpu = middleCpu(one);
    const load = Math.max(...one.rounds.map((round) => round.load));
    lines.push(
      `| ${one.name} | ${number(median(values))} ${one.unit} | ${percent(spread(values))} | ${
        Number.isNaN(cpu) ? "" : cpu.toFixed(2)
      } | ${load.toFixed(1)} |`,
    );
  }
  if (targets.length > 0) lines.push("", "| | found | wanted | |", "| --- | ---: | ---: | --- |");
  for (const target of targets) {
    const met = isMet(target);
    lines.push(
      `| ${target.what} | ${number(target.found)} | ${target.wanted} | ${
        met === null ? (Number.isNaN(target.found) ? "not measured" : "") : met ? "met" : "**not met**"
      } |`,
    );
  }
  for (const note of notes) lines.push("", note);
  return `${lines.join("\n")}\n`;
}

function percent(part: number): string {
  return Number.isNaN(part) ? "–" : `${(part * 100).toFixed(0)} %`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return "–";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(2);
}
