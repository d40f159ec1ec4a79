/**
 * The Lua scripts, embedded as text by static imports, so that no read permission is needed at run time.
 *
 * A script's first line is its shebang: without flags Redis refuses the whole script up front when it could not write
 * (out of memory, read-only, MISCONF); with `allow-oom` it runs under out-of-memory too. `--@include name` lines are
 * replaced by shared parts.
 * @module
 */
import { createHash } from "node:crypto";
import ack from "./scripts/ack.lua" with { type: "text" };
import ackEach from "./scripts/ack_each.lua" with { type: "text" };
import adopt from "./scripts/adopt.lua" with { type: "text" };
import append from "./scripts/append.lua" with { type: "text" };
import astray from "./scripts/astray.lua" with { type: "text" };
import audit from "./scripts/audit.lua" with { type: "text" };
import beat from "./scripts/beat.lua" with { type: "text" };
import census from "./scripts/census.lua" with { type: "text" };
import claimDue from "./scripts/claim_due.lua" with { type: "text" };
import common from "./scripts/common.lua" with { type: "text" };
import confirmDead from "./scripts/confirm_dead.lua" with { type: "text" };
import confirmReplay from "./scripts/confirm_replay.lua" with { type: "text" };
import count from "./scripts/count.lua" with { type: "text" };
import dead from "./scripts/dead.lua" with { type: "text" };
import done from "./scripts/done.lua" with { type: "text" };
import emit from "./scripts/emit.lua" with { type: "text" };
import ensureGroup from "./scripts/ensure_group.lua" with { type: "text" };
import fates from "./scripts/fates.lua" with { type: "text" };
import filter from "./scripts/filter.lua" with { type: "text" };
import fire from "./scripts/fire.lua" with { type: "text" };
import guards from "./scripts/guards.lua" with { type: "text" };
import mark from "./scripts/mark.lua" with { type: "text" };
import park from "./scripts/park.lua" with { type: "text" };
import peers from "./scripts/peers.lua" with { type: "text" };
import promote from "./scripts/promote.lua" with { type: "text" };
import published from "./scripts/published.lua" with { type: "text" };
import recover from "./scripts/recover.lua" with { type: "text" };
import register from "./scripts/register.lua" with { type: "text" };
import relay from "./scripts/relay.lua" with { type: "text" };
import release from "./scripts/release.lua" with { type: "text" };
import replay from "./scripts/replay.lua" with { type: "text" };
import retire from "./scripts/retire.lua" with { type: "text" };
import rfc3339 from "./scripts/rfc3339.lua" with { type: "text" };
import rolledBack from "./scripts/rolled_back.lua" with { type: "text" };
import stats from "./scripts/stats.lua" with { type: "text" };
import sweep from "./scripts/sweep.lua" with { type: "text" };
import takeOver from "./scripts/take_over.lua" with { type: "text" };
import trim from "./scripts/trim.lua" with { type: "text" };

/** One script, ready to be called by its digest. */
export interface Script {
  readonly name: string;
  readonly source: string;
  /** SHA-1 of the source, hexadecimal. */
  readonly sha: string;
}

const PARTS: Readonly<Record<string, string>> = Object.freeze({ common, emit, filter, guards, published, rfc3339 });

/**
 * Resolves the includes of a script and computes its digest.
 * @throws {TypeError} An include names no shared part.
 */
export function compileScript(name: string, text: string): Script {
  const source = include(name, text);
  return Object.freeze({ name, source, sha: createHash("sha1").update(source).digest("hex") });
}

/** Parts may include others. */
function include(name: string, text: string): string {
  return text.replaceAll(/^--@include (\w+)$/gm, (_line, part: string) => {
    const found = PARTS[part];
    if (found === undefined) throw new TypeError(`loading ${name}.lua: found include of "${part}", want a known part`);
    return include(name, found);
  });
}

/** Every script by name. */
export const SCRIPTS = Object.freeze({
  ack: compileScript("ack", ack),
  ackEach: compileScript("ack_each", ackEach),
  adopt: compileScript("adopt", adopt),
  append: compileScript("append", append),
  astray: compileScript("astray", astray),
  audit: compileScript("audit", audit),
  beat: compileScript("beat", beat),
  census: compileScript("census", census),
  claimDue: compileScript("claim_due", claimDue),
  confirmDead: compileScript("confirm_dead", confirmDead),
  confirmReplay: compileScript("confirm_replay", confirmReplay),
  count: compileScript("count", count),
  dead: compileScript("dead", dead),
  done: compileScript("done", done),
  ensureGroup: compileScript("ensure_group", ensureGroup),
  fates: compileScript("fates", fates),
  fire: compileScript("fire", fire),
  mark: compileScript("mark", mark),
  park: compileScript("park", park),
  peers: compileScript("peers", peers),
  promote: compileScript("promote", promote),
  recover: compileScript("recover", recover),
  register: compileScript("register", register),
  relay: compileScript("relay", relay),
  release: compileScript("release", release),
  replay: compileScript("replay", replay),
  retire: compileScript("retire", retire),
  rolledBack: compileScript("rolled_back", rolledBack),
  stats: compileScript("stats", stats),
  sweep: compileScript("sweep", sweep),
  takeOver: compileScript("take_over", takeOver),
  trim: compileScript("trim", trim),
});
