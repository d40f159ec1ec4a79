/**
 * Makes sure that a Redis server is installed, with the machine's own package manager where that needs no question.
 *
 * `--if-embedded`: only where the environment names no Redis. Exit code 0: it is there (or not needed); 1: it is not, with
 * one message that says what to do.
 * @module
 */
import { aptInstaller, ensureProgram, type Installer, type Run, runProgram, say } from "./install_programs.ts";
import { REDIS_PROGRAMS, wantsEmbedded } from "./permissions.ts";

/** Package managers, in the order in which they are looked for. */
export const INSTALLERS: readonly Installer[] = [
  aptInstaller("redis-server"),
  { manager: "apk", commands: [["apk", "add", "--no-cache", "redis"]], needsRoot: true },
  { manager: "brew", commands: [["brew", "install", "redis"]], needsRoot: false },
];

/** What to tell a person. */
export const ADVICE = `Redis is not installed, and installing it here needs you. One of these will do:
  Debian, Ubuntu   sudo apt-get install redis-server
  Alpine           sudo apk add redis
  macOS            brew install redis
or name a Redis of your own: REDIS_URL=redis://host:6379`;

/**
 * Installs it where it is missing.
 * @param isRoot Whether this process may install by itself; else `sudo -n`, which never asks, is tried.
 * @returns True when a server program can be run afterwards.
 */
export function ensureRedis(run: Run, isRoot: boolean, say: (text: string) => void): Promise<boolean> {
  return ensureProgram({ name: "Redis", programs: REDIS_PROGRAMS, installers: INSTALLERS }, run, isRoot, say);
}

if (import.meta.main) {
  const needed = !Deno.args.includes("--if-embedded") || wantsEmbedded(Deno.env.toObject());
  if (needed && !await ensureRedis(runProgram, Deno.uid() === 0, say)) {
    say(ADVICE);
    Deno.exit(1);
  }
}
