/**
 * What Linux tells of processes, for tests. Deno itself reads `/proc` only where everything is allowed, which tests are
 * not; `cat` may.
 * @module
 */

/** Files of `/proc`, `"PID/status"`; one that cannot be read (the process has ended) is empty. */
export async function readProc(path: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${path}`], stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}

/** A figure of `/proc/PID/status`, kB: `VmRSS`, `VmHWM`. NaN where the process has ended. */
export async function procStatusKb(pid: number, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(await readProc(`${pid}/status`))?.[1]);
}

/**
 * How many times longer a process took than it would have with a processor to itself, as the scheduler counts it: 1 on a
 * quiet machine, 3 where two others wanted the same. What is promised in milliseconds is promised times that. Only Linux
 * tells; elsewhere 1.
 */
export async function heldUp(pid: number): Promise<number> {
  // Of the main thread, since its start: ns on a processor, ns of waiting for one, turns.
  const [ran = 0, waited = 0] = (await readProc(`${pid}/schedstat`)).split(" ").map(Number);
  return ran > 0 ? (ran + waited) / ran : 1;
}

/** Ids of a process and of all that descend from it. */
export async function familyOf(pid: number): Promise<number[]> {
  // Processes end while they are looked at.
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "cat /proc/[0-9]*/stat"], stderr: "null" }).output();
  // `pid (name) state ppid …`, where a name may hold anything.
  const pairs = new TextDecoder().decode(stdout).trim().split("\n").map((line) => [
    Number.parseInt(line),
    Number(line.slice(line.lastIndexOf(")") + 2).split(" ")[1]),
  ]);
  const family = [pid];
  for (let at = 0; at < family.length; at++) {
    family.push(...pairs.filter(([, parent]) => parent === family[at]).map(([child]) => child!));
  }
  return family;
}
