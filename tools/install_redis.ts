/**
 * Makes sure that a Redis server is installed, with the machine's own package manager where that needs no question.
 *
 * `--if-embedded`: only where the environment names no Redis. Exit code 0: it is there (or not needed); 1: it is not, with
 * one message that says what to do.
 * @module
 */
import { REDIS_PROGRAMS, wantsEmbedded } from "./permissions.ts";

/** One way to install: commands to try in turn until one works. */
export interface Installer {
  /** Program that tells whether this machine has it. */
  readonly manager: string;
  readonly commands: readonly (readonly string[])[];
  /** Whether it asks for the rights of root. */
  readonly needsRoot: boolean;
}

const APT = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
const APT_INSTALL = [...APT, "install", "-y", "-qq", "--no-install-recommends", "redis-server"];

/** Package managers, in the order in which they are looked for. */
export const INSTALLERS: readonly Installer[] = [
  {
    manager: "apt-get",
    // A fresh machine has no package lists: the second try fetches them.
    commands: [APT_INSTALL, [...APT, "update", "-qq"], APT_INSTALL],
    needsRoot: true,
  },
  { manager: "apk", commands: [["apk", "add", "--no-cache", "redis"]], needsRoot: true },
  { manager: "brew", commands: [["brew", "install", "redis"]], needsRoot: false },
];

/** What to tell a person. */
export const ADVICE = `Redis is not installed, and installing it here needs you. One of these will do:
  Debian, Ubuntu   sudo apt-get install redis-server
  Alpine           sudo apk add redis
  macOS            brew install redis
or name a Redis of your own: REDIS_URL=redis://host:6379`;

/** Runs a program. @returns Its exit code; null when there is no such program. */
export type Run = (command: readonly string[], show: boolean) => Promise<number | null>;

/**
 * Installs it where it is missing.
 * @param isRoot Whether this process may install by itself; else `sudo -n`, which never asks, is tried.
 * @returns True when a server program can be run afterwards.
 */
export async function ensureRedis(run: Run, isRoot: boolean, say: (text: string) => void): Promise<boolean> {
  if (await installed(run)) return true;
  for (const installer of INSTALLERS) {
    if (await run([installer.manager, "--version"], false) === null) continue;
    const rights = !installer.needsRoot || isRoot ? [] : ["sudo", "-n"];
    if (rights.length > 0 && await run([...rights, "true"], false) !== 0) continue;
    say(`Redis is not installed: installing it with ${installer.manager}`);
    for (const command of installer.commands) {
      await run([...rights, ...command], true);
      if (await installed(run)) return true;
    }
  }
  return false;
}

async function installed(run: Run): Promise<boolean> {
  for (const program of REDIS_PROGRAMS) {
    if (await run([program, "--version"], false) === 0) return true;
  }
  return false;
}

async function runProgram(command: readonly string[], show: boolean): Promise<number | null> {
  const [program, ...args] = command;
  // What package managers say is no output of the task: it goes where messages go.
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

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) {
  const needed = !Deno.args.includes("--if-embedded") || wantsEmbedded(Deno.env.toObject());
  if (needed && !await ensureRedis(runProgram, Deno.uid() === 0, say)) {
    say(ADVICE);
    Deno.exit(1);
  }
}
