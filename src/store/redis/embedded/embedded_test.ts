import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { ServiceError } from "../../../errors.ts";
import { waitFor } from "../../../../testing/wait.ts";
import { type EmbeddedOptions, type EmbeddedRedis, openEmbeddedRedis } from "./embedded.ts";
import { RawClient, type RawReply } from "./raw_client.ts";

/** A folder for one test, and how to use a server there. */
class Place implements AsyncDisposable {
  readonly dir: string;
  readonly lines: string[] = [];
  readonly #children: Deno.ChildProcess[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(): Promise<Place> {
    return new Place(await Deno.makeTempDir({ prefix: "embedded-" }));
  }

  open(more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedRedis> {
    const log = (line: string): void => void this.lines.push(line);
    return openEmbeddedRedis({
      dir: `${this.dir}/data`,
      log,
      clock: systemClock,
      signal: new AbortController().signal,
      ...more,
    });
  }

  /** A service of its own: a process with the least permissions, which stays until SIGTERM. */
  async service(env: Record<string, string> = {}): Promise<Service> {
    const script = `${this.dir}/service.ts`;
    const source = new URL("./embedded.ts", import.meta.url).href;
    await Deno.writeTextFile(script, SERVICE.replace("EMBEDDED", source).replace("CLOCK", clockModule));
    const data = `${this.dir}/data`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-config",
        `--allow-read=${data}`,
        `--allow-write=${data}`,
        `--allow-net=unix:${data}/redis.sock`,
        "--allow-run=redis-server",
        script,
        data,
      ],
      env,
      // A process group of its own, as in a terminal.
      detached: true,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#children.push(child);
    return new Service(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // Gone before.
      }
      await child.status;
    }
    await (await this.open()).release();
    await Deno.remove(this.dir, { recursive: true });
  }
}

const clockModule = new URL("../../../clock.ts", import.meta.url).href;

const SERVICE = `
import { openEmbeddedRedis } from "EMBEDDED";
import { systemClock } from "CLOCK";
const stop = Promise.withResolvers();
Deno.addSignalListener("SIGTERM", () => stop.resolve());
Deno.addSignalListener("SIGINT", () => console.log("null"));
const log = () => {};
const e = await openEmbeddedRedis({ dir: Deno.args[0], log, clock: systemClock, signal: new AbortController().signal });
console.log(JSON.stringify({ adopted: e.adopted, pid: e.pid }));
await stop.promise;
await e.release();
Deno.exit(0);
`;

class Service {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async ready(): Promise<{ adopted: boolean; pid: number }> {
    const { value } = await this.#output.read();
    return JSON.parse(value ?? "null");
  }

  /** Ctrl-C in a terminal: everybody in the process group gets it. Resolves when the service has. */
  async interrupt(): Promise<void> {
    Deno.kill(-this.#child.pid, "SIGINT");
    await this.#output.read();
  }

  async end(signal: Deno.Signal): Promise<number> {
    this.#child.kill(signal);
    const { code } = await this.#child.status;
    while (!(await this.#output.read()).done);
    return code;
  }
}

async function ask(redis: { socketPath: string }, ...args: string[]): Promise<RawReply> {
  using client = await RawClient.connect({ path: redis.socketPath }, systemClock);
  return await client.command(args);
}

const at = (place: Place): { socketPath: string } => ({ socketPath: `${place.dir}/data/redis.sock` });

function alive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

Deno.test("an embedded redis keeps what was written when its only user stops and starts again", async () => {
  await using place = await Place.make();
  const first = await place.open();
  assert.equal(first.adopted, false);
  assert.match(first.version, /^\d+\.\d+/);
  assert.equal(await ask(first, "SET", "a", "1"), "OK");
  const { pid } = first;
  await first.release();
  assert.equal(alive(pid), false);
  await using second = await place.open();
  assert.equal(await ask(second, "GET", "a"), "1");
  assert.deepEqual(await ask(second, "CONFIG", "GET", "port"), ["port", "0"]);
});

Deno.test("its folder and its socket are closed to other users", async () => {
  await using place = await Place.make();
  await using redis = await place.open();
  assert.equal((await Deno.stat(`${place.dir}/data`)).mode! & 0o777, 0o700);
  assert.equal((await Deno.stat(redis.socketPath)).mode! & 0o777, 0o700);
});

Deno.test("two users share one server, and the last one out stops it", async () => {
  await using place = await Place.make();
  const first = await place.open();
  const second = await place.open();
  assert.equal(second.adopted, true);
  assert.equal(second.pid, first.pid);
  await first.release();
  assert.equal(await ask(second, "PING"), "PONG");
  await second.release();
  await waitFor(() => !alive(second.pid), { what: "the server to end with its last user" });
  assert.ok(place.lines.some((line) => line.includes("its data are saved")));
});

Deno.test("five users that start at the same instant agree on one server", async () => {
  await using place = await Place.make();
  const users = await Promise.all(Array.from({ length: 5 }, () => place.open()));
  assert.equal(new Set(users.map((user) => user.pid)).size, 1);
  assert.equal(users.filter((user) => !user.adopted).length, 1);
  await Promise.all(users.map((user) => user.release()));
  await waitFor(() => !alive(users[0]!.pid), { what: "the server to end with its last user" });
});

Deno.test("a service that is killed leaves the server running, and the next start adopts it", async () => {
  await using place = await Place.make();
  const killed = await place.service();
  const { pid } = await killed.ready();
  assert.equal(await ask(at(place), "SET", "a", "1"), "OK");
  await killed.end("SIGKILL");
  assert.equal(alive(pid), true);
  const next = await place.service();
  assert.deepEqual(await next.ready(), { adopted: true, pid });
  assert.equal(await ask(at(place), "GET", "a"), "1");
  assert.equal(await next.end("SIGTERM"), 0);
  await waitFor(() => !alive(pid), { what: "the server to end with its last user" });
});

Deno.test("a Ctrl-C in the service's terminal does not reach the server", async () => {
  await using place = await Place.make();
  const service = await place.service();
  const { pid } = await service.ready();
  await service.interrupt();
  // A server that got the signal ends within its next tick, long before this returns.
  assert.equal(await ask(at(place), "BLPOP", "nothing", "0.5"), null);
  assert.equal(alive(pid), true);
  assert.equal(await service.end("SIGTERM"), 0);
});

Deno.test("two processes that start at the same instant share one server, and a killed one does not count", async () => {
  await using place = await Place.make();
  const services = await Promise.all([place.service(), place.service()]);
  const [a, b] = await Promise.all(services.map((service) => service.ready()));
  assert.equal(a!.pid, b!.pid);
  assert.notEqual(a!.adopted, b!.adopted);
  await services[0]!.end("SIGKILL");
  assert.equal(await services[1]!.end("SIGTERM"), 0);
  await waitFor(() => !alive(a!.pid), { what: "the server to end although one user was killed" });
});

Deno.test("a server that dies while it is used is started again with its data", async () => {
  await using place = await Place.make();
  await using redis = await place.open();
  await ask(redis, "SET", "a", "1");
  const { pid } = redis;
  Deno.kill(pid, "SIGKILL");
  await waitFor(() => redis.pid !== pid, { what: "a new server" });
  assert.equal(await waitFor(() => ask(redis, "GET", "a"), { what: "the data" }), "1");
  assert.ok(place.lines.some((line) => line.endsWith("started again")));
});

Deno.test("what a crash of the service and of its server left behind is no obstacle", async () => {
  await using place = await Place.make();
  const service = await place.service();
  const { pid } = await service.ready();
  await ask(at(place), "SET", "a", "1");
  await service.end("SIGKILL");
  Deno.kill(pid, "SIGKILL");
  await waitFor(() => ask(at(place), "PING").then(() => false, () => true), { what: "the server to be gone" });
  assert.ok((await Deno.lstat(at(place).socketPath)).isSocket);
  await using redis = await place.open();
  assert.equal(redis.adopted, false);
  assert.equal(await ask(redis, "GET", "a"), "1");
});

Deno.test("a folder too deep for a socket gets a short one that every user finds", async () => {
  await using place = await Place.make();
  const dir = `${place.dir}/${"deep/".repeat(25)}data`;
  await using first = await place.open({ dir });
  await using second = await place.open({ dir });
  assert.ok(first.socketPath.length <= 103, first.socketPath);
  assert.equal(second.socketPath, first.socketPath);
  assert.equal(second.pid, first.pid);
  await first.release();
  await second.release();
  await Deno.remove(first.socketPath.replace("/redis.sock", ""), { recursive: true });
});

Deno.test("a missing program is told in one message that says what to install", async () => {
  await using place = await Place.make();
  await assert.rejects(place.open({ binaries: ["no-such-server"] }), (error: unknown) => {
    assert.ok(error instanceof ServiceError);
    assert.equal(error.code, "embedded_redis");
    assert.match(error.message, /no-such-server.*apt-get install redis-server.*apk add redis.*brew install redis/);
    return true;
  });
});

Deno.test("a cut tail of the append-only file is forgiven, a broken middle is told with what to do", async () => {
  await using place = await Place.make();
  const redis = await place.open();
  for (let i = 0; i < 50; i++) await ask(redis, "SET", `key-${i}`, "value");
  await redis.release();
  const folder = `${place.dir}/data/appendonlydir`;
  const name = [...Deno.readDirSync(folder)].find((file) => file.name.endsWith(".incr.aof"))!.name;
  const bytes = await Deno.readFile(`${folder}/${name}`);
  await Deno.writeFile(`${folder}/${name}`, bytes.subarray(0, bytes.length - 5));
  const again = await place.open();
  assert.equal(await ask(again, "DBSIZE"), 49);
  await again.release();
  const broken = await Deno.readFile(`${folder}/${name}`);
  await Deno.writeFile(`${folder}/${name}`, broken.fill(88, 300, 600));
  await assert.rejects(place.open(), /redis-check-aof --fix/);
  await Deno.writeFile(`${folder}/${name}`, bytes);
});

Deno.test("a server that keeps silent is not fought over its data", async () => {
  await using place = await Place.make();
  const first = await place.open();
  Deno.kill(first.pid, "SIGSTOP");
  try {
    await assert.rejects(place.open({ startTimeoutMs: 300 }), /did not answer/);
  } finally {
    Deno.kill(first.pid, "SIGCONT");
  }
  await first.release();
});

Deno.test("opening ends at once when the signal has aborted, and leaves no server", async () => {
  await using place = await Place.make();
  await assert.rejects(place.open({ signal: AbortSignal.abort(new Error("stop")) }), /stop/);
  await assert.rejects(ask(at(place), "PING"), /connecting/);
});
