/** Planted secrets, and a search for them in whatever form they could have taken. */
import assert from "node:assert/strict";
import { familyOf, readProc } from "../../testing/proc.ts";
import type { ServiceProcess } from "../../testing/service_process.ts";

/** A secret that needs escapes in URLs, and a part of it that looks the same in every escape. */
export function plant(name: string): { readonly value: string; readonly core: string } {
  const core = `canary${name}${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  return { value: `${core}/+@:%41"z`, core };
}

/** Forms by which a text could be recognised: as it is, in any escape, reversed, hex, and base64 wherever it begins. */
function* formsOf(core: string): Generator<string> {
  yield core;
  yield [...core].toReversed().join("");
  yield [...core].map((char) => char.charCodeAt(0).toString(16)).join("");
  for (let before = 0; before < 3; before++) {
    // Characters at the edges depend on the neighbours.
    yield btoa(" ".repeat(before) + core).slice(before === 0 ? 0 : 4, -4);
  }
}

/** Looks for planted secrets in everything that came out of a service. */
export class Search {
  readonly #forms: ReadonlyMap<string, string>;

  /** @param cores See {@link plant}; named by themselves. */
  constructor(cores: readonly string[]) {
    this.#forms = new Map(cores.flatMap((core) => [...formsOf(core)].map((form) => [form.toLowerCase(), core])));
  }

  /** Fails where a secret is in the text. */
  in(text: string, where: string): void {
    const lower = text.toLowerCase();
    for (const [form, core] of this.#forms) {
      const at = lower.indexOf(form);
      assert.equal(at, -1, `${where} shows ${core}: ${text.slice(Math.max(0, at - 200), at + 100)}`);
    }
  }

  /** Asks and looks at the whole answer. @returns Its status. */
  async inAnswer(url: string, init: RequestInit = {}): Promise<number> {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000), ...init });
    const body = response.headers.get("content-type")?.startsWith("text/event-stream") ? "" : await response.text();
    if (!response.bodyUsed) await response.body?.cancel();
    this.in(`${[...response.headers].join("\n")}\n${body}`, `${init.method ?? "GET"} ${url}`);
    return response.status;
  }

  /** Looks at the command lines and titles of a process and of all that descend from it. @returns How many there are. */
  async inProcesses(pid: number): Promise<number> {
    const family = await familyOf(pid);
    for (const id of family) {
      for (const file of ["cmdline", "comm"]) this.in(await readProc(`${id}/${file}`), `/proc/${id}/${file}`);
    }
    return family.length;
  }

  /** Looks at every file below a folder. @returns Their paths. */
  async inFolder(dir: string): Promise<readonly string[]> {
    const paths: string[] = [];
    for await (const { name, isDirectory, isFile } of Deno.readDir(dir)) {
      const path = `${dir}/${name}`;
      if (isDirectory) paths.push(...await this.inFolder(path));
      if (!isFile) continue;
      this.in(await Deno.readTextFile(path), path);
      paths.push(path);
    }
    return paths;
  }

  /** Looks at all that a service has written. */
  inOutput(service: ServiceProcess): void {
    this.in(service.output, "the output");
    // Where JSON escapes a character, what it stands for counts.
    this.in(
      service.records.map((record) => Deno.inspect(record, { depth: 20, strAbbreviateSize: 1e6 })).join("\n"),
      "the log",
    );
  }
}
