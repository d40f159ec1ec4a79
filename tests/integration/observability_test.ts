/** The alerts and the dashboard of `deploy/observability` ask for what a running service gives, and docs/ explain them. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { startRedis } from "../../testing/redis_server.ts";
import { startServiceProcess } from "../../testing/service_process.ts";
import { waitFor } from "../../testing/wait.ts";
import { readPromQl } from "./promql.ts";

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

/** Label values by label, by sample name. */
type Exposed = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

/** Prometheus adds these to whatever it scrapes. */
const ADDED = ["instance", "job"];
/** Their values are a closed list, so that a misspelt one can be seen. */
const CLOSED = ["outcome", "cause"];

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
}

async function alerts(): Promise<readonly Alert[]> {
  const { groups } = parse(await read("deploy/observability/alerts.yaml")) as {
    groups: readonly { readonly name: string; readonly rules: readonly Alert[] }[];
  };
  assert.ok(groups.every(({ name }) => name.length > 0));
  return groups.flatMap(({ rules }) => rules);
}

async function dashboard(): Promise<Dashboard> {
  return JSON.parse(await read("deploy/observability/dashboard.json"));
}

function samplesOf(text: string): Exposed {
  const found = new Map<string, Map<string, Set<string>>>();
  for (const line of text.split("\n")) {
    const [, name, labels = ""] = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const values = found.get(name) ?? new Map<string, Set<string>>();
    found.set(name, values);
    for (const [, label = "", value = ""] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      values.set(label, (values.get(label) ?? new Set()).add(value));
    }
  }
  return found;
}

/** What a service tells that has handled an event and has figures of Redis. */
async function exposed(): Promise<Exposed> {
  await using redis = await startRedis();
  await using process = startServiceProcess({
    env: { REDIS_URL: redis.url, HANDLERS: "./tests/fixtures/handlers.ts" },
  });
  const url = await process.ready();
  const event = { specversion: "1.0", id: "1", source: "/tests", type: "test.script", data: {} };
  const headers = { "content-type": "application/cloudevents+json" };
  const published = await fetch(`${url}/events`, { method: "POST", headers, body: JSON.stringify(event) });
  assert.equal(published.status, 202, await published.text());
  return await waitFor(async () => {
    const samples = samplesOf(await (await fetch(`${url}/metrics`)).text());
    return samples.has("stream_lag") && samples.has("http_request_duration_seconds_count") && samples;
  }, { what: "figures of Redis" });
}

/** Everything that is wrong with an expression. */
function faults(expr: string, exposed: Exposed): string[] {
  const { errors, selectors, grouping } = readPromQl(expr);
  const known = new Set([...ADDED, ...selectors.flatMap(({ metric }) => [...exposed.get(metric)?.keys() ?? []])]);
  return [
    ...errors,
    ...(selectors.length === 0 ? ["it asks for nothing"] : []),
    ...grouping.filter((label) => !known.has(label)).map((label) => `no label ${label} to group by`),
    ...selectors.flatMap(({ metric, matchers }) => {
      const labels = exposed.get(metric);
      if (labels === undefined) return [`no metric ${metric}`];
      return matchers.flatMap(({ label, operator, value }) => {
        if (ADDED.includes(label)) return [];
        if (!labels.has(label)) return [`${metric} has no label ${label}`];
        const checked = CLOSED.includes(label) && (operator === "=" || operator === "!=");
        return checked && !labels.get(label)!.has(value) ? [`${metric} has no ${label} "${value}"`] : [];
      });
    }),
  ];
}

/** Labels that the answer to an expression can have. */
function resultLabels(expr: string, exposed: Exposed): ReadonlySet<string> {
  const { grouping, selectors } = readPromQl(expr);
  const own = selectors.flatMap(({ metric }) => [...exposed.get(metric)?.keys() ?? []]);
  return new Set(grouping.length > 0 ? grouping : [...ADDED, ...own]);
}

function labelsNamed(texts: readonly string[], pattern: RegExp): string[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, label = ""]) => label));
}

Deno.test("alerts and dashboard name only metrics and labels that a running service exposes", async () => {
  const [samples, rules, board] = [await exposed(), await alerts(), await dashboard()];
  const wrong: string[] = [];
  for (const { alert, expr, annotations } of rules) {
    wrong.push(...faults(expr, samples).map((fault) => `${alert}: ${fault}`));
    const there = resultLabels(expr, samples);
    const named = labelsNamed(Object.values(annotations), /\$labels\.(\w+)/g);
    wrong.push(...named.filter((label) => !there.has(label)).map((label) => `${alert}: its text has no ${label}`));
  }
  for (const { title, targets = [] } of board.panels) {
    for (const { expr, legendFormat } of targets) {
      wrong.push(...faults(expr, samples).map((fault) => `${title}: ${fault}`));
      const there = resultLabels(expr, samples);
      const named = labelsNamed([legendFormat], /\{\{(\w+)\}\}/g);
      wrong.push(...named.filter((label) => !there.has(label)).map((label) => `${title}: its legend has no ${label}`));
    }
  }
  for (const { expr } of board.annotations.list) wrong.push(...faults(expr, samples));
  for (const { name, query } of board.templating.list) {
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(String(Object(query)["query"] ?? "")) ?? [];
    if (metric === undefined) continue;
    wrong.push(...faults(`count by (${label}) (${metric})`, samples).map((fault) => `$${name}: ${fault}`));
  }
  assert.deepEqual(wrong, []);

  // The other way round: nothing that the service counts is left out of sight.
  const asked = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join(" ");
  const unseen = [...samples.keys()].map((name) => name.replace(/_(bucket|count|sum)$/, ""))
    .filter((name) => /^(stream|redis|http|log)_/.test(name) && !asked.includes(name));
  assert.deepEqual(unseen, []);

  // What finds the faults above does find them.
  assert.deepEqual(faults("sum(stream_lagg) > ", samples).length, 2);
  assert.deepEqual(faults('sum by (kind) (stream_events_total{outcome="dead",topic="x"})', samples).length, 3);
});

Deno.test("every alert says how bad it is, what it is, and where to read on", async () => {
  const rules = await alerts();
  assert.ok(rules.length >= 10);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const rule of rules) {
    assert.match(rule.alert, /^Stream[A-Z]\w+$/);
    assert.match(rule.for, /^\d+[smh]$/, rule.alert);
    assert.match(rule.labels["severity"] ?? "", /^(critical|warning)$/, rule.alert);
    assert.deepEqual(Object.keys(rule.annotations), ["summary", "description", "runbook"], rule.alert);
    assert.equal(rule.annotations["runbook"], `docs/operations.md#${rule.alert.toLowerCase()}`);
  }
});

Deno.test("every alert has its section in docs/operations.md, and every section its alert", async () => {
  const text = await read("docs/operations.md");
  const [, part = ""] = /\n## Alerts\n(.*?)(?=\n## |$)/s.exec(text) ?? [];
  const sections = [...part.matchAll(/\n### (\w+)\n(.*?)(?=\n### |$)/gs)];
  const rules = await alerts();
  assert.deepEqual(sections.map(([, name]) => name), rules.map(({ alert }) => alert));
  for (const [, name, body = ""] of sections) {
    assert.match(body, /\*\*Means\*\* .*\*\*Do\*\* .*\*\*Over\*\* /s, name);
  }
});

Deno.test("the dashboard has a fixed uid, variables, and panels that do not overlap", async () => {
  const { uid, templating, panels } = await dashboard();
  assert.equal(uid, "redis-stream-service");
  assert.deepEqual(templating.list.map(({ name }) => name), ["datasource", "stream", "group", "type"]);
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Set<string>();
  for (const { title, type, description, gridPos: { x, y, w, h }, targets } of panels) {
    assert.ok(x >= 0 && x + w <= 24, title);
    assert.equal(type === "row", targets === undefined, title);
    assert.ok(type === "row" || description, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.ok(!taken.has(`${column},${line}`), `${title} lies over another`);
        taken.add(`${column},${line}`);
      }
    }
  }
  const variables = new Set(JSON.stringify(panels).match(/\$\{?(?!__)\w+/g)?.map((name) => name.replace(/\$\{?/, "")));
  for (const name of variables) assert.ok(templating.list.some((one) => one.name === name), name);
});
