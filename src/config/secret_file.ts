/**
 * Files that settings name: read once at start, to find out what is wrong with them.
 * @module
 */
import { show } from "./quote.ts";
import { allRight, type Reading } from "./read.ts";
import type { SettingName } from "./table.ts";

/** Reads a file as text, or throws. */
export type ReadFile = (path: string) => string;

/**
 * The password in the text of a `REDIS_PW_FILE`: everything but one line break (LF or CRLF) at its end. Whoever reads the
 * file again on a reconnect uses this too.
 * @returns Empty when the file holds no password.
 */
export function passwordFromFile(text: string): string {
  return text.replace(/\r?\n$/, "");
}

/** Reads the password file once. @returns What it holds; null when there is none or a problem was added. */
export function checkPasswordFile(reading: Reading, readFile: ReadFile): string | null {
  const text = readNamed("REDIS_PW_FILE", reading.values.REDIS_PW_FILE, reading, readFile);
  return text === null ? null : passwordFromFile(text);
}

/** Reads the files of TLS once; adds a problem for each that cannot be used. */
export function checkTlsFiles(reading: Reading, readFile: ReadFile): void {
  for (const name of ["REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"] as const) {
    readNamed(name, reading.values[name], reading, readFile);
  }
}

function readNamed(name: SettingName, path: string | null, reading: Reading, readFile: ReadFile): string | null {
  if (path === null || !allRight(reading, name)) return null;
  const found = tryRead(path, readFile);
  if (found.fault === null) return found.text;
  // Without a slash it may be the secret itself, put into the wrong variable.
  const shown = /[\\/]/.test(path) ? show(path, reading.secrets) : "a file name that is hidden";
  reading.problems.push({
    name,
    got: `${shown}, which ${found.fault}`,
    want: "the path of a readable, non-empty file",
  });
  return null;
}

function tryRead(path: string, readFile: ReadFile): { text: string; fault: string | null } {
  try {
    const text = readFile(path);
    return { text, fault: passwordFromFile(text) === "" ? "is empty" : null };
  } catch (error) {
    return { text: "", fault: faultOf(error) };
  }
}

/** The foreign text is dropped: it may repeat the path. */
function faultOf(error: unknown): string {
  switch (error instanceof Error ? error.name : "") {
    case "NotFound":
      return "does not exist";
    case "IsADirectory":
      return "is a directory";
    case "PermissionDenied":
      return "this user may not read";
    case "NotCapable":
      return "Deno may not read (--allow-read)";
    default:
      return "cannot be read";
  }
}
