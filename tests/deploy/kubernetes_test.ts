/** `deploy/kubernetes`: valid objects that fit each other, the settings, the service, and the restricted profile. */
import assert from "node:assert/strict";
import { SETTING_NAMES, type SettingName, settingOf } from "../../src/config/table.ts";
import { until } from "../../testing/wait.ts";
import { permissionsFor } from "../../tools/permissions.ts";
import { type Manifest, readYaml, valueAt } from "./kustomize.ts";
import { FOLDERS, NAME, Rendered } from "./rendered.ts";

/** Each folder, with its name in what fails. */
async function everywhere(check: (rendered: Rendered) => void | Promise<void>): Promise<void> {
  for (const folder of FOLDERS) {
    const rendered = await Rendered.of(folder);
    try {
      await check(rendered);
    } catch (error) {
      throw new Error(`${folder}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}

/** The problems of each object, as `schemas/validate.ts` finds them. */
async function problemsOf(objects: readonly Manifest[]): Promise<readonly (readonly string[])[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--frozen", "--no-prompt", "--allow-read", "--allow-env", "validate.ts"],
    cwd: "tests/deploy/schemas",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(objects)));
  await writer.close();
  // The first time on a machine it fetches its packages.
  const { code, stdout, stderr } = await until(child.output(), { timeoutMs: 120_000, what: "the schemas' answer" });
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("every object fits the public schemas, with no field that they do not know", async () => {
  const rendered = await Promise.all(FOLDERS.map((folder) => Rendered.of(folder)));
  const objects = rendered.flatMap(({ folder, objects }) => objects.map((object) => ({ folder, object })));
  const misspelt = structuredClone(objects[0]!.object) as unknown as { metadata: Record<string, unknown> };
  misspelt.metadata["nmae"] = "x";
  const [ofMisspelt, ...found] = await problemsOf([misspelt as never, ...objects.map(({ object }) => object)]);
  assert.deepEqual(ofMisspelt, ["unknown field /metadata/nmae"]);
  const problems = found.flatMap((list, i) =>
    list.map((text) => `${objects[i]!.folder} ${objects[i]!.object.kind} ${objects[i]!.object.metadata.name}: ${text}`)
  );
  assert.deepEqual(problems, []);
  assert.equal(found.length, objects.length);
});

/** True where `kubectl` can be run. */
async function hasKubectl(): Promise<boolean> {
  try {
    return (await new Deno.Command("kubectl", { args: ["version", "--client"] }).output()).success;
  } catch {
    return false;
  }
}

const kubectl = await hasKubectl();

Deno.test({ name: "kustomize renders the same objects (where kubectl is installed)", ignore: !kubectl }, async () => {
  await everywhere(async ({ folder, objects }) => {
    const { stdout, stderr, success } = await new Deno.Command("kubectl", {
      args: ["kustomize", `deploy/kubernetes/${folder}`],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    // Generated names end with a hash there.
    await Deno.writeTextFile(
      file,
      new TextDecoder().decode(stdout).replaceAll(/(: redis-stream-service)-[24-9bcdfghkmt]{10}$/gm, "$1"),
    );
    const theirs = await readYaml(file) as readonly Manifest[];
    await Deno.remove(file);
    const byName = (list: readonly Manifest[]): Record<string, unknown> =>
      Object.fromEntries(list.map((object) => [`${object.kind} ${object.metadata.name}`, decoded(object)]));
    assert.deepEqual(byName(objects), byName(theirs));
  });
});

function decoded(object: Manifest): unknown {
  if (object.kind !== "Secret") return object;
  const { data, stringData, type: _, ...rest } = object as Manifest & Record<"data" | "stringData", object | undefined>;
  const plain = Object.entries(data ?? {}).map(([key, value]) => [key, atob(value)]);
  return { ...rest, stringData: { ...stringData, ...Object.fromEntries(plain) } };
}

Deno.test("the settings are read without a problem or a warning, and hold no secret", async () => {
  await everywhere((rendered) => {
    const { settings, container } = rendered;
    const { config, warnings } = rendered.config();
    assert.deepEqual(warnings, []);
    const names = [...Object.keys(settings), ...(container.env ?? []).map(({ name }) => name)];
    for (const name of names) assert.ok(SETTING_NAMES.includes(name as SettingName), `${name} is no setting`);
    for (const name of Object.keys(settings)) assert.ok(!settingOf(name as SettingName).secret, `${name} is a secret`);
    assert.ok(config.http.adminToken !== null && config.http.apiToken !== null);
    assert.equal(config.http.port, container.ports?.find(({ name }) => name === "http")?.containerPort);
    assert.equal(config.log.format, "json");
    assert.equal(rendered.pod.enableServiceLinks, false);
  });
});

Deno.test("what the overlays are for is in their settings", async () => {
  const kinds = new Map<string, unknown>();
  const tls = new Map<string, boolean>();
  await everywhere((rendered) => {
    const { config } = rendered.config();
    kinds.set(rendered.folder, config.redis.topology.kind);
    tls.set(rendered.folder, config.redis.tls !== null);
  });
  assert.deepEqual([...kinds.values()], ["single", "single", "single", "sentinel"]);
  assert.deepEqual([...tls.values()], [false, false, true, true]);
});

Deno.test("the grace period is longer than the longest orderly end, and traffic is gone before it", async () => {
  await everywhere((rendered) => {
    const { shutdown, redis } = rendered.config().config;
    const bound = shutdown.delayMs + shutdown.timeoutMs + redis.commandTimeoutMs + 1_000;
    // The entry point may still work out the permissions when it is told.
    const graceMs = rendered.pod.terminationGracePeriodSeconds * 1_000;
    assert.ok(graceMs >= bound + 1_000, `${graceMs} ms for an end that takes up to ${bound} ms`);
    const { periodSeconds, failureThreshold, timeoutSeconds } = rendered.container.readinessProbe!;
    const noticedMs = (periodSeconds * failureThreshold + timeoutSeconds) * 1_000;
    assert.ok(shutdown.delayMs > noticedMs, `${shutdown.delayMs} ms, noticed after ${noticedMs} ms`);
  });
});

Deno.test("an update takes no replica away before another one is ready", async () => {
  await everywhere((rendered) => {
    assert.deepEqual(rendered.get("Deployment", "spec", "strategy", "rollingUpdate"), {
      maxSurge: 1,
      maxUnavailable: 0,
    });
    const { startupProbe, livenessProbe, readinessProbe } = rendered.container;
    assert.equal(readinessProbe?.httpGet.path, "/health/ready");
    // Liveness must not hear of Redis.
    for (const probe of [startupProbe, livenessProbe]) assert.equal(probe?.httpGet.path, "/health/live");
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) assert.equal(probe?.httpGet.port, "http");
    const budget = rendered.get<Record<string, unknown>>("PodDisruptionBudget", "spec");
    assert.equal(budget["maxUnavailable"], 1);
  });
});

Deno.test("every reference ends somewhere", async () => {
  await everywhere((rendered) => {
    const { pod, container } = rendered;
    for (const { configMapRef } of container.envFrom ?? []) assert.ok(rendered.named("ConfigMap", configMapRef.name));
    for (const { name, valueFrom: { secretKeyRef } } of container.env ?? []) {
      assert.ok(rendered.keysOf(secretKeyRef.name).includes(secretKeyRef.key), `the secret of ${name}`);
    }
    assert.ok(rendered.named("ServiceAccount", pod.serviceAccountName));
    for (const { containers, volumes = [] } of rendered.pods) {
      const mounted = containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
      const own = volumes.map(({ name }) => name);
      assert.deepEqual(own.filter((name) => !mounted.includes(name)), [], "a volume that nobody mounts");
      for (const { secret } of volumes) {
        for (const { key } of secret?.items ?? []) assert.ok(rendered.keysOf(secret!.secretName).includes(key), key);
      }
    }
  });
});

Deno.test("selectors select the pods, and the pods' Service", async () => {
  await everywhere((rendered) => {
    const labels = rendered.get<Record<string, string>>("Deployment", "spec", "template", "metadata", "labels");
    const selects = (selector: unknown): void => {
      const entries = Object.entries(selector as Record<string, string>);
      assert.ok(entries.length > 0 && entries.every(([key, value]) => labels[key] === value), JSON.stringify(selector));
    };
    selects(rendered.get("Deployment", "spec", "selector", "matchLabels"));
    selects(rendered.get("Service", "spec", "selector"));
    selects(rendered.get("PodDisruptionBudget", "spec", "selector", "matchLabels"));
    for (const policy of rendered.all("NetworkPolicy")) {
      selects(valueAt(policy, ["spec", "podSelector", "matchLabels"]));
    }
    const spread = rendered.get<readonly { labelSelector: { matchLabels: unknown } }[]>(
      "Deployment",
      "spec",
      "template",
      "spec",
      "topologySpreadConstraints",
    );
    for (const { labelSelector } of spread) selects(labelSelector.matchLabels);
    assert.equal(spread.length, 2);
    const service = rendered.named("Service")!;
    assert.deepEqual(valueAt(service, ["spec", "ports", "0", "targetPort"]), "http");
    for (const monitor of rendered.all("ServiceMonitor")) {
      const wanted = Object.entries(valueAt(monitor, ["spec", "selector", "matchLabels"]) as Record<string, string>);
      assert.ok(wanted.every(([key, value]) => service.metadata.labels?.[key] === value));
      assert.equal(
        valueAt(monitor, ["spec", "endpoints", "0", "port"]),
        valueAt(service, ["spec", "ports", "0", "name"]),
      );
    }
  });
});

Deno.test("every pod fits the restricted profile, may write nothing but its data, and has bounds", async () => {
  await everywhere((rendered) => {
    for (const pod of rendered.pods) {
      const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext;
      assert.equal(runAsNonRoot, true);
      assert.ok(Number(runAsUser) > 0);
      assert.deepEqual(seccompProfile, { type: "RuntimeDefault" });
      assert.equal(pod.automountServiceAccountToken, false);
      const odd = Object.keys(pod).filter((key) => /^host(Network|PID|IPC|Users)$/.test(key));
      assert.deepEqual(odd, []);
      for (const volume of pod.volumes ?? []) assert.deepEqual(Object.keys(volume).sort(), ["name", "secret"]);
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        const { allowPrivilegeEscalation, privileged, readOnlyRootFilesystem, capabilities } =
          container.securityContext;
        assert.equal(allowPrivilegeEscalation, false);
        assert.notEqual(privileged, true);
        assert.equal(readOnlyRootFilesystem, true);
        assert.deepEqual(capabilities, { drop: ["ALL"] });
        assert.ok(container.resources.limits["memory"] && container.resources.requests["memory"]);
        assert.ok(container.resources.requests["cpu"]);
        assert.match(container.image, /:[\w.-]+$/);
        assert.doesNotMatch(container.image, /:latest$/);
      }
    }
    // Of the image: USER 65532:65532.
    assert.equal(rendered.pod.securityContext["runAsUser"], 65532);
    assert.equal(rendered.pod.securityContext["fsGroup"], 65532);
  });
});

interface PolicyRule {
  readonly to?: readonly unknown[];
  readonly from?: readonly unknown[];
  readonly ports: readonly { readonly protocol: string; readonly port: number | string }[];
}

Deno.test("the network lets in the port and out to names and Redis, wherever the settings say that it is", async () => {
  await everywhere(async (rendered) => {
    const rules = (kind: string): readonly PolicyRule[] => rendered.get("NetworkPolicy", "spec", kind);
    assert.deepEqual(rules("ingress").flatMap(({ ports }) => ports), [{ protocol: "TCP", port: "http" }]);
    const open = rules("egress").flatMap(({ ports }) => ports.map(({ protocol, port }) => `${protocol} ${port}`));
    assert.ok(open.includes("UDP 53") && open.includes("TCP 53"));
    const { topology } = rendered.config().config.redis;
    const wanted = topology.kind === "single"
      ? [topology.address.port]
      : topology.kind === "sentinel"
      ? [6379, ...topology.sentinels.map(({ port }) => port)]
      : [];
    assert.ok(wanted.length > 0);
    for (const port of wanted) assert.ok(open.includes(`TCP ${port}`), `no way out to ${port}`);
    // Deno's own permissions say the same of a single server.
    const { net } = await permissionsFor({ env: rendered.settings, mayEmbed: false, handlersNeed: null });
    if (topology.kind === "single") assert.deepEqual(net, ["0.0.0.0:8000", `${topology.address.host}:${wanted[0]}`]);
  });
});

Deno.test("KEDA asks the Service in its own namespace, with the token of the Secret, and replicas are its own", async () => {
  const rendered = await Rendered.of("overlays/production");
  const { url, valueLocation, authMode } = rendered.get<Record<string, string>>(
    "ScaledObject",
    "spec",
    "triggers",
    "0",
    "metadata",
  );
  const { name, namespace } = rendered.named("Service")!.metadata;
  const port = rendered.get("Service", "spec", "ports", "0", "port");
  assert.equal(url, `http://${name}.${namespace}.svc:${port}/admin/api/scaling`);
  assert.deepEqual([valueLocation, authMode], ["backlog", "bearer"]);
  const authentication = rendered.get("ScaledObject", "spec", "triggers", "0", "authenticationRef", "name");
  const target = rendered.named("TriggerAuthentication", String(authentication));
  const [token] = valueAt(target, ["spec", "secretTargetRef"]) as readonly Record<string, string>[];
  assert.equal(token?.["parameter"], "token");
  const read = rendered.container.env?.find(({ name }) => name === "ADMIN_TOKEN")?.valueFrom.secretKeyRef;
  assert.deepEqual({ name: token?.["name"], key: token?.["key"] }, read);
  assert.deepEqual(rendered.get("ScaledObject", "spec", "scaleTargetRef"), {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name: NAME,
  });
  assert.equal(valueAt(rendered.named("Deployment"), ["spec", "replicas"]), undefined);
  assert.ok(Number(rendered.get("ScaledObject", "spec", "minReplicaCount")) >= 1);
});
