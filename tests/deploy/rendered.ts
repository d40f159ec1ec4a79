/**
 * The folders of `deploy/kubernetes` that can be applied, rendered, and what the tests ask of them.
 * @module
 */
import { dirname } from "node:path";
import { parseConfig } from "../../src/config/parse.ts";
import type { ParsedConfig } from "../../src/config/types.ts";
import { type Manifest, render, valueAt } from "./kustomize.ts";

/** What can be applied. */
export const FOLDERS = ["base", "overlays/local", "overlays/production", "overlays/sentinel"] as const;

/** Name of nearly everything. */
export const NAME = "redis-stream-service";

/** Secrets that are not made here but documented: keys by name. */
export const FOREIGN_SECRETS: Readonly<Record<string, readonly string[]>> = {
  [NAME]: ["redis-password", "api-token", "admin-token"],
  [`${NAME}-tls`]: ["ca.crt"],
};

/** Of a container, as far as the tests look at it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly [probe: `${string}Probe`]: Probe | undefined;
}

/** A probe over HTTP. */
export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** Of a pod, as far as the tests look at it. */
export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly secret?: { readonly secretName: string; readonly items?: readonly { key: string; path: string }[] };
    readonly [kind: string]: unknown;
  }[];
}

/** One folder, rendered. */
export class Rendered {
  readonly folder: string;
  readonly objects: readonly Manifest[];

  private constructor(folder: string, objects: readonly Manifest[]) {
    this.folder = folder;
    this.objects = objects;
  }

  /** Renders one of {@link FOLDERS}. */
  static async of(folder: string): Promise<Rendered> {
    return new Rendered(folder, await render(`deploy/kubernetes/${folder}`));
  }

  /** All of a kind. */
  all(kind: string): readonly Manifest[] {
    return this.objects.filter((object) => object.kind === kind);
  }

  /** Object of the service's own name, or undefined. */
  named(kind: string, name: string = NAME): Manifest | undefined {
    return this.all(kind).find(({ metadata }) => metadata.name === name);
  }

  /** A field. @throws {Error} It is not there. */
  get<T>(kind: string, ...path: readonly string[]): T {
    const value = valueAt(this.named(kind), path);
    if (value === undefined) throw new Error(`${this.folder}: no ${kind} with ${path.join(".")}`);
    return value as T;
  }

  /** The service's pods. */
  get pod(): PodSpec {
    return this.get("Deployment", "spec", "template", "spec");
  }

  /** The service's container. */
  get container(): Container {
    return this.pod.containers[0]!;
  }

  /** Every pod, Redis' own too. */
  get pods(): readonly PodSpec[] {
    return [...this.all("Deployment"), ...this.all("StatefulSet")]
      .map((object) => valueAt(object, ["spec", "template", "spec"]) as PodSpec);
  }

  /** What is in the settings. */
  get settings(): Readonly<Record<string, string>> {
    return this.get("ConfigMap", "data");
  }

  /** The settings, tokens included, as the service reads them. Every file that is mounted from a Secret exists. */
  config(): ParsedConfig {
    const env = { ...this.settings, API_TOKEN: "token-of-the-api-x", ADMIN_TOKEN: "token-of-the-admin" };
    return parseConfig(env, {
      hostname: "pod",
      version: "1.0.0",
      mintToken: () => "unused",
      readFile: (path) => {
        if (!this.isMounted(path)) throw new Deno.errors.NotFound(path);
        return "content";
      },
    });
  }

  /** True when a Secret's key is mounted there. */
  isMounted(path: string): boolean {
    const mount = this.container.volumeMounts?.find(({ mountPath }) => mountPath === dirname(path));
    const secret = this.pod.volumes?.find(({ name }) => name === mount?.name)?.secret;
    const file = path.slice(dirname(path).length + 1);
    if (secret === undefined) return false;
    const keys = this.keysOf(secret.secretName);
    return secret.items === undefined
      ? keys.includes(file)
      : secret.items.some(({ path, key }) => path === file && keys.includes(key));
  }

  /** Keys of a Secret, made here or documented; none where there is no such Secret. */
  keysOf(secret: string): readonly string[] {
    const made = this.named("Secret", secret);
    return made === undefined ? FOREIGN_SECRETS[secret] ?? [] : Object.keys(made["stringData"] as object);
  }
}
