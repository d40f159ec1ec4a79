import assert from "node:assert/strict";
import { sourcesIn } from "./sources.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("the image leaves out exactly the packages that nothing but tests imports", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const image = await Deno.readTextFile(new URL("Dockerfile", ROOT));
  const left = /^ARG TEST_PACKAGES="(.+)"$/m.exec(image)?.[1]?.split(" ") ?? [];
  const text = ["src", "testing"].flatMap((folder) => sourcesIn(folder)).map((file) => file.text).join("\n");
  const packages = Object.entries<string>(imports).filter(([, target]) => target.startsWith("npm:"));
  // For handlers, which are not ours.
  const unused = packages.map(([name]) => name)
    .filter((name) => name !== "zod" && !text.includes(`"${name}"`) && !text.includes(`"${name}/`));
  assert.deepEqual(left.toSorted(), unused.toSorted());
});
