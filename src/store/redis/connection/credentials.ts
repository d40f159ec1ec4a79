/**
 * What every opener of connections reads and cleans: the password, PEM files, the client's name.
 * @module
 */
import type { RedisConfig } from "../../../config/types.ts";
import { StoreUnavailableError } from "../../../errors.ts";

/** Longest client name. */
const LONGEST_NAME = 128;

/** The password that is in use; one for all openers of a configuration, since a file is read anew by each connect. */
export class Password {
  readonly #file: string | null;
  readonly #onSecret: (secret: string) => void;
  #value: string;

  /** @param onSecret Told of each password before it is used, so that nothing prints it. */
  constructor({ password, passwordFile }: RedisConfig, onSecret: (secret: string) => void = () => {}) {
    this.#file = passwordFile;
    this.#onSecret = onSecret;
    this.#value = password?.reveal() ?? "";
  }

  /** The latest that is known; empty where there is none. */
  get value(): string {
    return this.#value;
  }

  /** Reads the file again, where there is one. @throws {StoreUnavailableError} `auth`; the signal's reason. */
  async refresh(signal: AbortSignal): Promise<string> {
    if (this.#file !== null) this.#value = await readPassword(this.#file, signal);
    if (this.#value !== "") this.#onSecret(this.#value);
    return this.#value;
  }
}

async function readPassword(path: string, signal: AbortSignal): Promise<string> {
  try {
    // A secret that is mounted as a file often ends with a line break that is no part of it.
    return (await Deno.readTextFile(path, { signal })).replace(/\r?\n$/, "");
  } catch (error) {
    signal.throwIfAborted();
    const found = error instanceof Error ? error.name : String(error);
    throw new StoreUnavailableError("auth", `reading the file of REDIS_PW_FILE: ${found}; wanted a readable file`);
  }
}

/** Redis takes printable characters without spaces only. */
export function cleanName(name: string): string {
  return name.replace(/[^!-~]+/g, "-").slice(0, LONGEST_NAME);
}

/** Read on every connect: certificates rotate too. @throws {StoreUnavailableError} `tls`; the signal's reason. */
export async function readPem(path: string | null, signal: AbortSignal): Promise<string | null> {
  if (path === null) return null;
  try {
    return await Deno.readTextFile(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const found = error instanceof Error ? error.name : String(error);
    throw new StoreUnavailableError("tls", `reading ${path} for TLS: ${found}; wanted a readable PEM file`);
  }
}
