/**
 * Keeps the layers of docs/architecture.md: who may import whom, and who may touch time, chance and the console.
 * Prints each violation; exit code 1 when there is one.
 * @module
 */
import { codeOf, lineAt, type SourceFile, sourcesIn } from "./sources.ts";

const LEAVES = ["errors.ts", "clock.ts"] as const;
const PORTS = ["store/port.ts", "store/admin_port.ts"] as const;

/** What each part of `src/` may import besides itself. `*`: everything in `src/`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "errors.ts": [],
  "clock.ts": [],
  "happenings.ts": ["errors.ts"],
  "tracing.ts": [],
  "events": ["delivery", "errors.ts"],
  "delivery": ["events", "errors.ts"],
  "config": ["errors.ts"],
  "config.ts": ["config"],
  "telemetry": [...LEAVES, "happenings.ts", "tracing.ts", "events"],
  "store/port.ts": ["events", "delivery", "errors.ts"],
  "store/admin_port.ts": ["events", "delivery", "store/port.ts"],
  "store/memory": [...LEAVES, "events", "delivery", ...PORTS],
  "store/redis": [...LEAVES, "events", "delivery", "happenings.ts", "config", ...PORTS],
  "handling": [...LEAVES, "events", "delivery", "happenings.ts"],
  "stream": [...LEAVES, "handling", "delivery", "events", ...PORTS, "happenings.ts", "tracing.ts"],
  "health": [...LEAVES, "happenings.ts", "store/port.ts"],
  "http": [...LEAVES, "events", "health", "stream", "handling", "store/port.ts", "happenings.ts", "telemetry", "admin"],
  "admin": [...LEAVES, "events", "delivery", "stream", "handling", "health", ...PORTS, "happenings.ts"],
  "dashboard": [...LEAVES, "admin"],
  "cli": [...LEAVES, "events", "stream", "handling", ...PORTS, "happenings.ts", "config", "admin", "health"],
  // The composition root and its two doors.
  "app.ts": ["*"],
  "app": ["*"],
  "boot.ts": ["*"],
  "service.ts": ["*"],
};

/** What may be used where only. Time and chance are arguments everywhere else. */
const RESERVED: readonly { readonly what: RegExp; readonly name: string; readonly only: readonly string[] }[] = [
  { what: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b/g, name: "the clock", only: ["src/clock.ts"] },
  { what: /\bset(Timeout|Interval|Immediate)\b|\bAbortSignal\.timeout\b/g, name: "a timer", only: ["src/clock.ts"] },
  { what: /\bMath\.random\b/g, name: "chance", only: ["src/clock.ts"] },
  { what: /\bconsole\./g, name: "the console", only: ["src/telemetry/"] },
  { what: /\bDeno\.env\b/g, name: "the environment", only: ["src/boot.ts"] },
  { what: /\bDeno\.exit\b/g, name: "the end of the process", only: [] },
];

/** Everything that is wrong, one line each: `path:line: what`. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [...importViolations(file), ...reservedViolations(file)]);
}

function importViolations(file: SourceFile): string[] {
  const part = partOf(file.path);
  const allowed = MAY_IMPORT[part];
  if (allowed === undefined) return [`${file.path}:1: ${part} has no layer; give it one in tools/check_layers.ts`];
  const code = codeOf(file.text);
  const imports = code.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)"(\.[^"]+)"/gm);
  return [...imports].flatMap(({ 1: specifier = "", index }) => {
    const target = resolve(file.path, specifier);
    const aim = target.startsWith("src/") ? partOf(target) : target;
    if (mayImport(part, allowed, aim)) return [];
    return [`${file.path}:${lineAt(code, index + 1)}: ${part} must not import ${aim}`];
  });
}

function mayImport(part: string, allowed: readonly string[], aim: string): boolean {
  if (aim === part || allowed.includes(aim)) return true;
  // The version of the service.
  if (aim === "deno.json") return part === "boot.ts";
  return allowed.includes("*") && MAY_IMPORT[aim] !== undefined;
}

function reservedViolations(file: SourceFile): string[] {
  const code = codeOf(file.text, { strings: true });
  return RESERVED.flatMap(({ what, name, only }) => {
    if (only.some((place) => file.path.startsWith(place))) return [];
    return [...code.matchAll(what)].map(({ 0: found, index }) =>
      `${file.path}:${lineAt(code, index)}: ${found.trim()}: ${name} is for ${only.join(", ") || "main.ts"} alone`
    );
  });
}

/** `src/stream/worker.ts` → `stream`, `src/store/redis/x.ts` → `store/redis`, `src/app.ts` → `app.ts`. */
function partOf(path: string): string {
  const [, first = "", second = ""] = path.split("/");
  return first === "store" ? `store/${second}` : first;
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

if (import.meta.main) {
  const found = violations(sourcesIn("src"));
  for (const line of found) Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  Deno.exit(found.length === 0 ? 0 : 1);
}
