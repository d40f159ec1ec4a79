import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url);

Deno.test("what reads entries is what its source compiles to", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "--frozen", "--allow-env", "--allow-read", "build.ts", "--check"],
    cwd: new URL("tools/wasm/", ROOT),
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  assert.equal(code, 0, text(stdout) + text(stderr));
});
