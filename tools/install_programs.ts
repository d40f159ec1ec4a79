/**
 * Installs programs with the machine's own package manager, where that needs no question.
 * @module
 */

/** One way to install: commands to try in turn until one works. */
export interface Installer {
  /** Program that tells whether this machine has it. */
  readonly manager: string;
  readonly commands: readonly (readonly string[])[];
  /** Whether it asks for the rights of root. */
  readonly needsRoot: boolean;
}

/** What is wanted. */
export interface Wanted {
  /** For people. */
  readonly name: string;
  /** Any of these will do. */
  readonly programs: readonly string[];
  /** In the order in which they are looked for. */
  readonly installers: readonly Installer[];
}

/** Runs a program. @returns Its exit code; null when there is no such program. */
export type Run = (command: readonly string[], show: boolean) => Promise<number | null>;

const APT = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];

/** Debian and its like. A fresh machine has no package lists: the second try fetches them. */
export function aptInstaller(...packages: readonly string[]): Installer {
  const install = [...APT, "install", "-y", "-qq", "--no-install-recommends", ...packages];
  return { manager: "apt-get", commands: [install, [...APT, "update", "-qq"], install], needsRoot: true };
}

/**
 * Installs it where it is missing.
 * @param isRoot Whether this process may install by itself; else `sudo -n`, which never asks, is tried.
 * @returns True when one of the programs can be run afterwards.
 */
export async function ensureProgram(
  { name, programs, installers }: Wanted,
  run: Run,
  isRoot: boolean,
  say: (text: string) => void,
): Promise<boolean> {
  if (await installed(programs, run)) return true;
  for (const installer of installers) {
    if (await run([installer.manager, "--version"], false) === null) continue;
    const rights = !installer.needsRoot || isRoot ? [] : ["sudo", "-n"];
    if (rights.length > 0 && await run([...rights, "true"], false) !== 0) continue;
    say(`${name} is not installed: installing it with ${installer.manager}`);
    for (const command of installer.commands) {
      await run([...rights, ...command], true);
      if (await installed(programs, run)) return true;
    }
  }
  return false;
}

async function installed(programs: readonly string[], run: Run): Promise<boolean> {
  for (const program of programs) {
    if (await run([program, "--version"], false) === 0) return true;
  }
  return false;
}

/** {@link Run} on this machine. What package managers say goes to standard error, where messages go. */
export async function runProgram(command: readonly string[], show: boolean): Promise<number | null> {
  const [program, ...args] = command;
  const output = show ? "piped" : "null";
  try {
    const child = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: output,
      stderr: show ? "inherit" : "null",
    });
    const process = child.spawn();
    if (show) await process.stdout.pipeTo(Deno.stderr.writable, { preventClose: true });
    return (await process.status).code;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Tells people. */
export function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
