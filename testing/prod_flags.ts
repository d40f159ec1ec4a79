/**
 * Services of tests with the permissions of production: nothing but what `tools/prod_permissions.ts` works out.
 * @module
 */
import { flagsOf, handlersFolder, permissionsFor } from "../tools/permissions.ts";
import { type ServiceProcess, type ServiceProcessOptions, startServiceProcess } from "./service_process.ts";

/** Deno's flags for a service with these settings. */
export async function prodFlags(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const settings = { SERVICE_PORT: "0", ...env };
  const needs = `${handlersFolder(env["HANDLERS"] ?? "./handlers/mod.ts")}/permissions.json`;
  const handlersNeed: unknown = await Deno.readTextFile(needs).then(JSON.parse, () => null);
  return flagsOf(await permissionsFor({ env: settings, mayEmbed: false, handlersNeed }), () => {});
}

/** As {@link startServiceProcess}, with those flags. */
export async function startProdProcess(
  options: ServiceProcessOptions & { readonly env: Readonly<Record<string, string>> },
): Promise<ServiceProcess> {
  return startServiceProcess({ ...options, permissions: await prodFlags(options.env) });
}
