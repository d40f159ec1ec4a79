/**
 * What the figures were measured on.
 * @module
 */

/** Machine and versions, one line each; null where there is no Redis. */
export async function machine(): Promise<string[] | null> {
  const server = await output("redis-server", "--version");
  if (server === null) return null;
  const imports = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url))).imports;
  return [
    `${new Date().toISOString()}, load ${Deno.loadavg().map((load) => load.toFixed(1)).join(" ")}`,
    `${navigator.hardwareConcurrency} cores, ${await processor()}, ${
      Math.round(Deno.systemMemoryInfo().total / 1e9)
    } GB, ` +
    `${Deno.build.os} ${Deno.osRelease()}`,
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${server}`,
    `node-redis ${String(imports["@redis/client"]).split("@").at(-1)}`,
  ];
}

async function processor(): Promise<string> {
  try {
    return /^model name\s*:\s*(.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  } catch {
    return Deno.build.arch;
  }
}

async function output(command: string, ...args: string[]): Promise<string | null> {
  try {
    const { stdout } = await new Deno.Command(command, { args }).output();
    return new TextDecoder().decode(stdout).trim().split(" sha=")[0]!;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
