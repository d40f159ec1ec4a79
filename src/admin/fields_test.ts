import assert from "node:assert/strict";
import { fieldsJson } from "./fields.ts";

const bytes = (...words: (string | Uint8Array)[]): Uint8Array[] =>
  words.map((word) => typeof word === "string" ? new TextEncoder().encode(word) : word);

Deno.test("fields survive JSON: text as it is, bytes in base64, repeated names in order", () => {
  const json = JSON.stringify(fieldsJson(bytes(
    ...["type", "t", "dup", "1", "bin", new Uint8Array([0, 255]), "dup", new Uint8Array([0x80]), "dup", "3", "", ""],
    ...[new Uint8Array([0xc3, 0x28]), "x", "base64:abc", "y", "__proto__", "z", "nul", "a\0b"],
  )));
  assert.deepEqual(JSON.parse(json), {
    type: "t",
    dup: ["1", { base64: "gA==" }, "3"],
    bin: { base64: "AP8=" },
    "": "",
    "base64:wyg=": "x",
    "base64:YmFzZTY0OmFiYw==": "y",
    ["__proto__"]: "z",
    nul: "a\0b",
  });
});

Deno.test("a megabyte of bytes is no problem", () => {
  const value = fieldsJson(bytes("b", new Uint8Array(1_048_576).fill(0xff)))["b"];
  assert.ok(typeof value === "object" && "base64" in value && value.base64.length === 1_398_104);
});
