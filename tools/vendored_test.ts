/** The files in `src/dashboard/vendor/` are those of the npm packages, byte for byte; the lock file in `tools/packages/` holds the packages' hashes. */
import assert from "node:assert/strict";
import { packageFolders } from "../testing/packages.ts";

const VENDOR = new URL("../src/dashboard/vendor/", import.meta.url);

/** Our name, and the file of the package it comes from. */
const FILES: Readonly<Record<string, string>> = {
  "preact_htm.js": "htm/preact/standalone.module.js",
  "preact_htm.LICENSE.txt": "htm/LICENSE",
  "uplot.js": "uplot/dist/uPlot.iife.min.js",
  "uplot.css": "uplot/dist/uPlot.min.css",
  "uplot.LICENSE.txt": "uplot/LICENSE",
};

Deno.test("every vendored file is that of its npm package, and none is without one", async () => {
  const folders = await packageFolders();
  for (const [ours, theirs] of Object.entries(FILES)) {
    const [name, ...path] = theirs.split("/");
    const [here, there] = [
      await Deno.readFile(new URL(ours, VENDOR)),
      await Deno.readFile(new URL(path.join("/"), folders[name!])),
    ];
    assert.deepEqual(here, there, `${ours} is not ${theirs}`);
  }
  const found = [...Deno.readDirSync(VENDOR)].map(({ name }) => name).sort();
  // Preact comes inside htm's file, under a licence of its own.
  assert.deepEqual(found, [...Object.keys(FILES), "preact.LICENSE.txt", "README.md"].sort());
});
