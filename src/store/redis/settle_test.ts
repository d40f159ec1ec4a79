import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { StoreUnavailableError } from "../../errors.ts";
import { FRESH, type Settlement } from "../port.ts";
import type { AckGuard } from "./ack_guard.ts";
import type { RedisChannel } from "./channel.ts";
import type { StoreContext } from "./context.ts";
import { KeptEntries } from "./kept.ts";
import { keysOf } from "./keys.ts";
import { SCRIPTS } from "./scripts.ts";
import { settle } from "./settle.ts";

/** Where acknowledgements end thus, and scripts so. */
function contextOf(acknowledging: Error, running: Error): StoreContext {
  const guard: Pick<AckGuard, "acknowledge" | "scripts"> = {
    scripts: null,
    acknowledge: () => Promise.reject(acknowledging),
  };
  const command: Pick<RedisChannel, "pipeline"> = { pipeline: () => Promise.reject(running) };
  const parts = {
    stream: "s",
    group: "g",
    keys: keysOf("s", "g"),
    scripts: SCRIPTS,
    outbox: null,
    kept: new KeptEntries(systemClock),
  };
  return { ...parts, ackGuard: guard, command } as unknown as StoreContext;
}

Deno.test("a batch of which a part may have been settled fails with an unknown outcome, whatever failed beside it", async () => {
  const mixed: Settlement[] = Array.from({ length: 20 }, (_, at) => ({ kind: "done", ref: `${at}-0` }));
  mixed.push({ kind: "park", ref: "99-0", delayMs: 1_000, history: FRESH });
  const known = new StoreUnavailableError("timeout", "watching");
  const unknown = new StoreUnavailableError("timeout", "waiting", { outcomeUnknown: true });
  for (const [acknowledging, running] of [[known, unknown], [unknown, known]] as const) {
    await assert.rejects(settle(contextOf(acknowledging, running), "c", mixed, 0), unknown);
  }
  await assert.rejects(settle(contextOf(known, known), "c", mixed, 0), known);
});
