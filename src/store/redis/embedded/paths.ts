/**
 * Where an embedded Redis keeps its files. A function of the data folder alone, so that every service on the same folder
 * finds the same server.
 * @module
 */
import { ServiceError } from "../../../errors.ts";

/** Files of one embedded server; all absolute. */
export interface EmbeddedPaths {
  /** Data folder, with links resolved. */
  readonly dir: string;
  /** Unix socket, at most 103 bytes (the limit of macOS; Linux takes 107). */
  readonly socketPath: string;
  /** The server's log; that of the run before is `redis.log.1`. */
  readonly logFile: string;
  /** Held, exclusively and briefly, by who starts or stops the server. */
  readonly startLock: string;
  /** Held, shared, by every service that uses the server. */
  readonly usersLock: string;
}

const MAX_SOCKET_BYTES = 103;

/**
 * Makes the folders, private to the user, and names the files.
 * @param dir Data folder, absolute or relative to the working directory.
 * @param tempDir Where the socket goes when the data folder's path is too long for one. Default `/tmp`.
 * @throws {ServiceError} `embedded_redis`: a folder cannot be made, or the socket's folder belongs to somebody else.
 */
export async function preparePaths(dir: string, tempDir = "/tmp"): Promise<EmbeddedPaths> {
  const real = await makeFolder(dir);
  const socketPath = await socketPathOf(real, tempDir);
  const folder = socketPath.slice(0, socketPath.lastIndexOf("/"));
  if (folder !== real) {
    await makeFolder(folder);
    await demandOwn(folder, real);
  }
  return {
    dir: real,
    socketPath,
    logFile: `${real}/redis.log`,
    startLock: `${real}/start.lock`,
    usersLock: `${real}/users.lock`,
  };
}

/**
 * The socket of a data folder: in it, or, where that path is too long for a socket, in a short folder of its own.
 * @param realDir Data folder, absolute, links resolved.
 * @returns A path that depends on both arguments only.
 */
export async function socketPathOf(realDir: string, tempDir = "/tmp"): Promise<string> {
  const beside = `${realDir}/redis.sock`;
  if (byteLength(beside) <= MAX_SOCKET_BYTES) return beside;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(realDir)));
  const name = `rss-${[...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const short = `${tempDir.replace(/\/+$/, "")}/${name}/redis.sock`;
  return byteLength(short) <= MAX_SOCKET_BYTES ? short : `/tmp/${name}/redis.sock`;
}

/**
 * The absolute path that {@link preparePaths} will find for a data folder, which need not exist yet.
 * @param dir Absolute, or relative to the working directory.
 */
export async function realDirOf(dir: string): Promise<string> {
  const missing: string[] = [];
  for (let path = dir.replace(/(?<=.)\/+$/, "");;) {
    try {
      return [await Deno.realPath(path), ...missing].join("/").replace(/^\/\//, "/");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      const cut = path.lastIndexOf("/");
      missing.unshift(path.slice(cut + 1));
      path = cut < 0 ? "." : path.slice(0, cut) || "/";
    }
  }
}

async function makeFolder(path: string): Promise<string> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    const real = await Deno.realPath(path);
    const { mode } = await Deno.stat(real);
    // A folder that belongs to another user cannot be closed; the socket's own mode (0700) still keeps others out.
    if (mode !== null && (mode & 0o077) !== 0) await Deno.chmod(real, 0o700).catch(() => {});
    return real;
  } catch (cause) {
    const want = cause instanceof Deno.errors.NotCapable
      ? "a Redis of your own in REDIS_URL or REDIS_HOST, or a start that may run one (deno task start)"
      : "a folder that this user can write";
    throw new ServiceError(
      "embedded_redis",
      `making the folder ${path} for the embedded Redis: ${textOf(cause)}; want ${want}`,
      { cause },
    );
  }
}

/** In a shared folder somebody else may have made ours first, to put a socket of their own there. */
async function demandOwn(folder: string, realDir: string): Promise<void> {
  const probe = await Deno.makeTempFile({ dir: realDir });
  try {
    const [mine, found] = await Promise.all([Deno.lstat(probe), Deno.lstat(folder)]);
    if (found.isDirectory && found.uid === mine.uid && ((found.mode ?? 0) & 0o077) === 0) return;
  } finally {
    await Deno.remove(probe);
  }
  throw new ServiceError(
    "embedded_redis",
    `using ${folder} for the embedded Redis's socket: it is not a private folder of this user; ` +
      "want it removed, or a shorter REDIS_EMBEDDED_DIR",
  );
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** A foreign error as text. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
