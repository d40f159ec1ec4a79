/**
 * Renders `deploy/kubernetes` as kustomize does, as far as our own files go; anything else in them is refused. Where
 * `kubectl` is installed a test compares the two. Names of generated objects have no hash here.
 * @module
 */
import { parseAllDocuments } from "yaml";

/** A Kubernetes object. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  readonly [field: string]: unknown;
}

interface Generator {
  readonly name: string;
  readonly behavior?: "create" | "merge";
  readonly literals: readonly string[];
}

interface Target {
  readonly kind: string;
  readonly name: string;
}

interface Operation {
  readonly op: "add" | "remove" | "replace" | "test";
  readonly path: string;
  readonly value?: unknown;
}

interface Replacement {
  readonly source: Target & { readonly fieldPath: string };
  readonly targets: readonly {
    readonly select: Target;
    readonly fieldPaths: readonly string[];
    readonly options: { readonly delimiter: string; readonly index: number };
  }[];
}

interface Kustomization {
  readonly apiVersion: string;
  readonly kind: "Kustomization" | "Component";
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly labels?: readonly { readonly pairs: Record<string, string> }[];
  readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
  readonly configMapGenerator?: readonly Generator[];
  readonly secretGenerator?: readonly Generator[];
  readonly patches?: readonly { readonly target: Target; readonly patch: string }[];
  readonly replacements?: readonly Replacement[];
}

const KNOWN: ReadonlySet<string> = new Set<keyof Kustomization>([
  "apiVersion",
  "kind",
  "namespace",
  "resources",
  "components",
  "labels",
  "images",
  "configMapGenerator",
  "secretGenerator",
  "patches",
  "replacements",
]);

/**
 * Renders one folder.
 * @throws {Error} A file is missing or no YAML, a patch or a replacement finds no target, or something is not known here.
 */
export async function render(folder: string): Promise<readonly Manifest[]> {
  return await apply(folder, []);
}

/** All documents of a file. @throws {Error} It is no YAML, or says a name twice. */
export async function readYaml(path: string): Promise<readonly unknown[]> {
  return parseAllDocuments(await Deno.readTextFile(path)).map((document) => {
    if (document.errors.length > 0) throw new Error(`${path}: ${document.errors[0]!.message}`);
    return document.toJS();
  });
}

async function apply(folder: string, before: readonly Manifest[]): Promise<Manifest[]> {
  const k = (await readYaml(`${folder}/kustomization.yaml`))[0] as Kustomization;
  const unknown = Object.keys(k).filter((key) => !KNOWN.has(key));
  if (unknown.length > 0) throw new Error(`${folder}: ${unknown} is not known to the tests`);
  let objects = [...before];
  for (const path of k.resources ?? []) {
    if (path.endsWith(".yaml")) objects.push(...await readYaml(`${folder}/${path}`) as Manifest[]);
    else objects.push(...await apply(`${folder}/${path}`, []));
  }
  for (const path of k.components ?? []) objects = await apply(`${folder}/${path}`, objects);
  for (const generator of k.configMapGenerator ?? []) generate(objects, "ConfigMap", generator);
  for (const generator of k.secretGenerator ?? []) generate(objects, "Secret", generator);
  for (const { target, patch } of k.patches ?? []) patchWith(find(objects, target), patch);
  for (const object of objects) transform(object, k);
  for (const replacement of k.replacements ?? []) replace(objects, replacement);
  return objects;
}

/** @throws {Error} When there is none. */
export function find(objects: readonly Manifest[], { kind, name }: Target): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}

function generate(objects: Manifest[], kind: "ConfigMap" | "Secret", { name, behavior, literals }: Generator): void {
  const field = kind === "Secret" ? "stringData" : "data";
  const data = Object.fromEntries(literals.map((literal) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(literal) ?? [];
    if (key === undefined) throw new Error(`${name}: "${literal}" is no NAME=value`);
    return [key, value];
  }));
  if (behavior === "merge") Object.assign(find(objects, { kind, name })[field] as object, data);
  else objects.push({ apiVersion: "v1", kind, metadata: { name }, [field]: data });
}

function transform(object: Manifest, { namespace, labels, images }: Kustomization): void {
  const { metadata } = object;
  for (const { pairs } of labels ?? []) metadata.labels = { ...metadata.labels, ...pairs };
  if (namespace !== undefined) {
    if (object.kind === "Namespace") metadata.name = namespace;
    else metadata.namespace = namespace;
  }
  for (const container of containersOf(object)) {
    const named = images?.find(({ name }) => container.image.split(":")[0] === name);
    if (named !== undefined) container.image = `${named.newName}:${named.newTag}`;
  }
}

function containersOf(object: Manifest): readonly { image: string }[] {
  const found = valueAt(object, ["spec", "template", "spec", "containers"]);
  return (found ?? []) as readonly { image: string }[];
}

/** What is there, or undefined. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}

/** RFC 6902, the operations that we use. */
function patchWith(object: Manifest, patch: string): void {
  for (const operation of parseAllDocuments(patch)[0]!.toJS() as readonly Operation[]) {
    const keys = operation.path.slice(1).split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const parent = valueAt(object, keys.slice(0, -1));
    const key = keys.at(-1)!;
    const refused = new Error(`${object.kind} ${object.metadata.name}: ${operation.op} ${operation.path} does not fit`);
    if (typeof parent !== "object" || parent === null) throw refused;
    const fields = parent as Record<string, unknown>;
    if (operation.op === "add" && Array.isArray(parent)) {
      parent.splice(key === "-" ? parent.length : Number(key), 0, operation.value);
    } else if (operation.op === "add") fields[key] = operation.value;
    else if (!(key in fields)) throw refused;
    else if (operation.op === "replace") fields[key] = operation.value;
    else if (operation.op === "remove") delete fields[key];
    else if (JSON.stringify(fields[key]) !== JSON.stringify(operation.value)) throw refused;
  }
}

function replace(objects: readonly Manifest[], { source, targets }: Replacement): void {
  const value = valueAt(find(objects, source), source.fieldPath.split("."));
  if (typeof value !== "string") throw new Error(`a replacement found no ${source.fieldPath}`);
  for (const { select, fieldPaths, options } of targets) {
    for (const fieldPath of fieldPaths) {
      const path = fieldPath.split(".");
      const fields = valueAt(find(objects, select), path.slice(0, -1)) as Record<string, string>;
      const parts = fields[path.at(-1)!]!.split(options.delimiter);
      parts[options.index] = value;
      fields[path.at(-1)!] = parts.join(options.delimiter);
    }
  }
}
