/**
 * Prints where the packages of the `deno.json` beside it lie, as JSON: name → folder. These are for tests alone, and
 * have a lock file of their own: what is in the project's lock file is fetched before the very first start.
 * @module
 */
const { default: { imports } } = await import("./deno.json", { with: { type: "json" } });
const found: Record<string, string> = {};
for (const [name, specifier] of Object.entries(imports)) {
  await import(name);
  const main = import.meta.resolve(name);
  const version = specifier.slice(specifier.lastIndexOf("@") + 1);
  const mark = `/${name}/${version}/`;
  found[name] = main.slice(0, main.lastIndexOf(mark) + mark.length);
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(found)));
