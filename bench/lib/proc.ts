/**
 * What a process has used, from `/proc`.
 * @module
 */

/** Clock ticks a second, on every Linux that runs Deno. */
const TICKS = 100;

/** User and system seconds of a process so far. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident memory, bytes. */
export async function memoryOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1_024;
}
