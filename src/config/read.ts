/**
 * First step of reading: each setting by itself, as the table says.
 * @module
 */
import { show } from "./quote.ts";
import { secretsInUrl } from "./redis_url.ts";
import { SETTING_NAMES, type SettingName, settingOf, type Values } from "./table.ts";
import type { ConfigProblem } from "./types.ts";

/** The environment: a name without a value, or with an empty one, is unset. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What was read, and what was found on the way. Later steps add to `problems`, `warnings` and `secrets`. */
export interface Reading {
  /** A wrong setting has its default here, so that reading can go on. */
  readonly values: Values;
  /** Names that the environment sets. */
  readonly given: ReadonlySet<SettingName>;
  readonly problems: ConfigProblem[];
  readonly warnings: string[];
  readonly secrets: string[];
}

type Findings = Omit<Reading, "values">;

/** Reads every setting of the table. Never throws. */
export function readSettings(env: Env): Reading {
  const warnings: string[] = [];
  const texts = textsOf(env, warnings);
  const findings: Findings = { given: new Set(texts.keys()), problems: [], warnings, secrets: secretsIn(texts) };
  const values = Object.fromEntries(SETTING_NAMES.map((name) => [name, readOne(name, texts.get(name), findings)]));
  return { ...findings, values: values as Values };
}

/** Whether none of these has a problem, so that it makes sense to compare them. */
export function allRight(reading: Reading, ...names: readonly SettingName[]): boolean {
  return !reading.problems.some((problem) => (names as readonly string[]).includes(problem.name));
}

/** What the environment sets, in the order of the table. */
function textsOf(env: Env, warnings: string[]): Map<SettingName, string> {
  const texts = new Map<SettingName, string>();
  for (const name of SETTING_NAMES) {
    const text = Object.hasOwn(env, name) ? env[name] : undefined;
    if (text === undefined || text === "") continue;
    // Kubernetes gives every container PORT variables of its own for a Service of that name.
    if (name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//i.test(text)) {
      warnings.push(`${name} holds the link of a Kubernetes Service, not a port: taken as unset`);
    } else texts.set(name, text);
  }
  return texts;
}

function secretsIn(texts: ReadonlyMap<SettingName, string>): string[] {
  return [...texts].flatMap(([name, text]) => {
    if (name === "REDIS_URL") return secretsInUrl(text);
    return settingOf(name).secret ? [text] : [];
  });
}

function readOne(name: SettingName, text: string | undefined, findings: Findings): unknown {
  const { kind, secret, fallback } = settingOf(name);
  if (text !== undefined) {
    const parsed = kind.parse(text);
    if (parsed.ok) return parsed.value;
    const got = parsed.got ?? (secret ? "a value that is hidden" : show(text, findings.secrets));
    findings.problems.push({ name, got, want: kind.want });
  }
  const standard = fallback === null ? null : kind.parse(fallback);
  return standard?.ok ? standard.value : null;
}
