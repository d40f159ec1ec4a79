/**
 * Makes sure that a Chromium is installed for the browser tests, with the machine's own package manager where that needs
 * no question. Where it cannot, it says so and goes on: the browser tests are then skipped, and say why.
 * @module
 */
import { aptInstaller, ensureProgram, runProgram, say, type Wanted } from "./install_programs.ts";

/** What is wanted, and how to get it. */
export const CHROMIUM: Wanted = {
  name: "Chromium, for the browser tests,",
  programs: ["chromium", "chromium-browser", "google-chrome"],
  installers: [
    // Without any font a page shows boxes.
    aptInstaller("chromium", "fonts-dejavu-core"),
    { manager: "apk", commands: [["apk", "add", "--no-cache", "chromium", "font-dejavu"]], needsRoot: true },
  ],
};

/** What to tell a person. */
export const ADVICE = `Chromium is not installed, and installing it here needs you: the browser tests will be skipped.
  Debian        sudo apt-get install chromium
  Alpine        sudo apk add chromium
  elsewhere     CHROMIUM=/path/to/a/chromium`;

if (import.meta.main && !Deno.env.get("CHROMIUM")) {
  if (!await ensureProgram(CHROMIUM, runProgram, Deno.uid() === 0, say)) say(ADVICE);
}
