/**
 * Checks Kubernetes objects against the public schemas of Kubernetes, KEDA and the Prometheus operator, as npm has them.
 * Takes a JSON list on standard input and writes, as JSON, the list of problems of each.
 *
 * A program of its own, with a `deno.json` and a lock of its own: with these packages among the project's, the first
 * start of the service on a new machine would fetch them too, 20 MB in 3,000 files.
 * @module
 */

interface Schema {
  readonly prototype: { validate(): void };
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

const PACKAGES: readonly (readonly [RegExp, string])[] = [
  [/^keda\.sh\//, "@kubernetes-models/keda"],
  [/^monitoring\.coreos\.com\//, "@kubernetes-models/prometheus-operator"],
  [/./, "kubernetes-models"],
];

/** @throws {TypeError} There is no schema for it. */
async function schemaOf({ apiVersion, kind }: Manifest): Promise<Schema> {
  const [, name] = PACKAGES.find(([group]) => group.test(apiVersion))!;
  const module = await import(`${name}/${apiVersion}/${kind}`) as Readonly<Record<string, Schema>>;
  return module[kind]!;
}

/**
 * The schemas take unknown fields in silence, as they have to, so the object is handed to them in a wrapping that notes
 * what they look at: a field that no schema asks for is misspelt.
 */
async function problemsOf(object: Manifest): Promise<readonly string[]> {
  const schema = await schemaOf(object);
  const unseen = new Set<string>();
  const problems: string[] = [];
  try {
    schema.prototype.validate.call(watched(object, "", unseen));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return [...problems, ...[...unseen].map((path) => `unknown field ${path}`)];
}

function watched(value: object, path: string, unseen: Set<string>): object {
  const isList = Array.isArray(value);
  const copy: Record<string, unknown> | unknown[] = isList ? [] : {};
  for (const [key, inner] of Object.entries(value)) {
    const here = `${path}/${key}`;
    if (!isList) unseen.add(here);
    const shown = typeof inner === "object" && inner !== null ? watched(inner, here, unseen) : inner;
    Object.assign(copy, { [key]: shown });
  }
  return new Proxy(copy, {
    get(target, key) {
      unseen.delete(`${path}/${String(key)}`);
      return Reflect.get(target, key);
    },
  });
}

const objects = await new Response(Deno.stdin.readable).json() as readonly Manifest[];
const problems = JSON.stringify(await Promise.all(objects.map(problemsOf)));
Deno.stdout.writeSync(new TextEncoder().encode(problems));
