import assert from "node:assert/strict";
import { preparePaths, realDirOf, socketPathOf } from "./paths.ts";

Deno.test("the folder is known before it exists, links resolved", async () => {
  const base = await Deno.makeTempDir({ prefix: "embedded-" });
  try {
    await Deno.mkdir(`${base}/real`);
    await Deno.symlink(`${base}/real`, `${base}/link`);
    const asked = `${base}/link/a/b/`;
    const foreseen = await realDirOf(asked);
    assert.equal(foreseen, `${await Deno.realPath(base)}/real/a/b`);
    assert.equal((await preparePaths(asked)).dir, foreseen);
    assert.equal(await realDirOf(asked), foreseen);
    assert.equal(await realDirOf("no-such-folder/x"), `${Deno.cwd()}/no-such-folder/x`);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});

Deno.test("a socket lies in its data folder as long as its path fits, to the byte", async () => {
  const fits = `/${"d".repeat(103 - "//redis.sock".length)}`;
  assert.equal(await socketPathOf(fits), `${fits}/redis.sock`);
  const short = await socketPathOf(`${fits}x`);
  assert.match(short, /^\/tmp\/rss-[0-9a-f]{16}\/redis\.sock$/);
  assert.notEqual(await socketPathOf(`${fits}y`), short);
  assert.match(await socketPathOf(`/${"ü".repeat(60)}`, "/var/tmp/"), /^\/var\/tmp\/rss-/);
});

Deno.test("a socket's folder that is open to others is refused", async () => {
  const base = await Deno.makeTempDir({ prefix: "embedded-" });
  try {
    const dir = `${base}/${"d".repeat(100)}`;
    const folder = (await socketPathOf(dir, base)).replace("/redis.sock", "");
    await Deno.mkdir(`${base}/elsewhere`, { mode: 0o700 });
    await Deno.symlink(`${base}/elsewhere`, folder);
    await assert.rejects(preparePaths(dir, base), /not a private folder of this user/);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});
