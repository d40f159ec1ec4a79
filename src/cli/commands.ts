/**
 * Every command of the terminal face.
 * @module
 */
import { describeConfig } from "../config/describe.ts";
import type { EventInit } from "../events/event.ts";
import { type Args, type Grammar, UsageError } from "./args.ts";
import type { CommandContext } from "./deps.ts";
import {
  clean,
  diagnosisText,
  eventText,
  jsonLine,
  lettersText,
  letterText,
  overviewText,
  placeText,
  table,
} from "./render.ts";

/** One command. */
export interface Command extends Grammar {
  /** `dead-letters list` */
  readonly name: string;
  /** Behind the name in the help. */
  readonly usage: string;
  readonly summary: string;
  /** @returns The exit code. */
  readonly run: (context: CommandContext, args: Args) => Promise<number>;
}

const NOTHING = { wants: [], values: [], flags: [] } as const;

const publish: Command = {
  ...NOTHING,
  name: "publish",
  usage: "--type T [--data JSON] [--subject S] [--id I] [--source S]",
  summary: "publish one event to the first stream",
  values: ["type", "data", "subject", "id", "source"],
  async run({ print, withBackend }, { values }): Promise<number> {
    const event = eventOf(values);
    const { receipts: [receipt], durability } = await withBackend((backend) => backend.publish(event));
    const { id, stream, entryId, deduplicated } = receipt!;
    const document = { id, stream, entryId, deduplicated, durability, events: [{ id, entryId, deduplicated }] };
    print(document, () => clean(`${entryId} ${stream} id=${id}${deduplicated ? " (was there already)" : ""}`));
    return 0;
  },
};

const tail: Command = {
  ...NOTHING,
  name: "tail",
  usage: "[--type T] [--stream S] [--from TIME|ID] [--count N]",
  summary: "follow events as they come; ends with Ctrl-C, or after N",
  values: ["type", "stream", "from", "count"],
  async run({ deps, json, withBackend }, { values }): Promise<number> {
    const { count = "", ...params } = values;
    if (count !== "" && !/^[1-9]\d{0,8}$/.test(count)) throw new UsageError("--count: want a number of 1 or more");
    let left = count === "" ? Infinity : Number(count);
    await withBackend(async ({ core }) => {
      for await (const event of core.tail(params, deps.signal)) {
        deps.out(json ? jsonLine(event) : eventText(event));
        if (--left === 0) break;
      }
    });
    return 0;
  },
};

const stats: Command = {
  ...NOTHING,
  name: "stats",
  usage: "",
  summary: "everything at a glance: is it flowing, how far behind, who holds what",
  async run({ print, withBackend }): Promise<number> {
    const overview = await withBackend(({ core }) => core.overview());
    print(overview, () => overviewText(overview));
    return overview.redis.error === null ? 0 : 1;
  },
};

const where: Command = {
  ...NOTHING,
  name: "where",
  usage: "<entryId> [--stream S]",
  summary: "where one entry is, and why it is not done",
  wants: ["<entryId>"],
  values: ["stream"],
  async run({ print, withBackend }, { words, values }): Promise<number> {
    const place = await withBackend(({ core }) => core.where(words[0]!, values));
    print(place, () => placeText(place));
    return 0;
  },
};

const lettersList: Command = {
  ...NOTHING,
  name: "dead-letters list",
  usage: "[--type T] [--reason R] [--stream S] [--limit N] [--cursor C]",
  summary: "what was given up on, newest first",
  values: ["type", "reason", "stream", "limit", "cursor"],
  async run({ print, withBackend }, { values }): Promise<number> {
    const page = await withBackend(({ core }) => core.letters.list(values));
    print(page, () => lettersText(page));
    return 0;
  },
};

const lettersShow: Command = {
  ...NOTHING,
  name: "dead-letters show",
  usage: "<id> [--stream S]",
  summary: "one dead letter with its error and its fields",
  wants: ["<id>"],
  values: ["stream"],
  async run({ print, withBackend }, { words, values }): Promise<number> {
    const letter = await withBackend(({ core }) => core.letters.show(words[0]!, values));
    print(letter, () => letterText(letter));
    return 0;
  },
};

const lettersReplay: Command = {
  ...NOTHING,
  name: "dead-letters replay",
  usage: "<id> | [--type T] [--reason R] [--stream S] [--all] [--dry-run]",
  summary: "give one back to its group, or all that fit; --all where there is no filter",
  wants: ["<id>"],
  optional: 1,
  values: ["type", "reason", "stream"],
  flags: ["all", "dry-run"],
  async run({ print, withBackend }, { words: [id], values, flags }): Promise<number> {
    const dryRun = flags.has("dry-run");
    const filtered = values["type"] !== undefined || values["reason"] !== undefined;
    if (id !== undefined && (filtered || flags.size > 0)) throw new UsageError("want an id or a filter, not both");
    if (id === undefined && !filtered && !flags.has("all") && !dryRun) {
      throw new UsageError("want an id, a filter, or --all to give back every dead letter");
    }
    const result = await withBackend(({ core }) =>
      id === undefined ? core.letters.replayAll({ ...values, dryRun: String(dryRun) }) : core.letters.replay(id, values)
    );
    print(result, () => `${result.matched} matched, ${result.replayed} given back${dryRun ? " (dry run)" : ""}`);
    return 0;
  },
};

const lettersDelete: Command = {
  ...NOTHING,
  name: "dead-letters delete",
  usage: "<id> [--stream S]",
  summary: "throw one dead letter away for good",
  wants: ["<id>"],
  values: ["stream"],
  async run({ print, withBackend }, { words, values }): Promise<number> {
    const result = await withBackend(({ core }) => core.letters.remove(words[0]!, values));
    print(result, () => "deleted");
    return 0;
  },
};

const pause: Command = {
  ...NOTHING,
  name: "pause",
  usage: "",
  summary: "stop reading and retrying, in all replicas of the group; what runs finishes",
  run: (context) => setPaused(context, true),
};

const resume: Command = {
  ...NOTHING,
  name: "resume",
  usage: "",
  summary: "go on",
  run: (context) => setPaused(context, false),
};

const doctor: Command = {
  ...NOTHING,
  name: "doctor",
  usage: "",
  summary: "what is wrong or risky in this Redis, and what to do about it",
  async run({ print, withBackend }): Promise<number> {
    const diagnosis = await withBackend((backend) => backend.diagnose());
    print(diagnosis, () => diagnosisText(diagnosis));
    return diagnosis.ok ? 0 : 1;
  },
};

const config: Command = {
  ...NOTHING,
  name: "config",
  usage: "",
  summary: "the settings in effect, without secrets",
  run({ deps, print }): Promise<number> {
    const rows = describeConfig(deps.config());
    const document = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    print(document, () => table(["SETTING", "VALUE"], rows.map(({ name, value }) => [name, value])));
    return Promise.resolve(0);
  },
};

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  publish,
  tail,
  stats,
  where,
  lettersList,
  lettersShow,
  lettersReplay,
  lettersDelete,
  pause,
  resume,
  doctor,
  config,
];

async function setPaused({ print, withBackend }: CommandContext, paused: boolean): Promise<number> {
  const result = await withBackend(({ core }) => core.setPaused(paused));
  print(result, () => paused ? "Paused: every replica stops within a second." : "Resumed.");
  return 0;
}

function eventOf({ type, data, subject, id, source }: Args["values"]): EventInit {
  if (!type) throw new UsageError("--type: found none, want one");
  const body = data === undefined ? {} : { data: parsed(data) };
  return {
    type,
    ...body,
    ...(subject === undefined ? {} : { subject }),
    ...(id === undefined ? {} : { id }),
    ...(source === undefined ? {} : { source }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--data: found no JSON, want JSON such as '{"orderId":"42"}'`);
  }
}
