import assert from "node:assert/strict";
import { slotOf } from "./slot.ts";

Deno.test("slots are those of the cluster specification", () => {
  assert.equal(slotOf("123456789"), 0x31c3);
  assert.equal(slotOf("foo"), 12_182);
  assert.equal(slotOf("bar"), 5_061);
  assert.equal(slotOf(""), 0);
});

Deno.test("only a hash tag that is not empty counts", () => {
  assert.equal(slotOf("{foo}:lease"), slotOf("foo"));
  assert.equal(slotOf("a{foo}{bar}"), slotOf("foo"));
  assert.equal(slotOf("foo{{bar}}"), slotOf("{bar"));
  assert.notEqual(slotOf("{}foo"), slotOf("foo"));
  assert.notEqual(slotOf("{foo"), slotOf("foo"));
});
