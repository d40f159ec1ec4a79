import assert from "node:assert/strict";
import { parseConfig } from "../config/parse.ts";
import { blockMsOf, readMarginMsOf } from "./redis_parts.ts";

Deno.test("a read that blocks is given up within COMMAND_TIMEOUT, and within a second after its block time", () => {
  for (const timeout of [100, 150, 999, 1_000, 2_500, 5_000, 60_000]) {
    const machine = { hostname: "host", version: "0", mintToken: () => "token" };
    const { config } = parseConfig({ COMMAND_TIMEOUT: String(timeout) }, machine);
    const margin = readMarginMsOf(config);
    assert.ok(blockMsOf(config) + margin <= timeout, `${timeout}: ${blockMsOf(config)} + ${margin}`);
    assert.ok(margin >= 50 && margin <= 1_000, `${timeout}: ${margin}`);
  }
});
