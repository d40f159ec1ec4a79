import assert from "node:assert/strict";
import { renderConfigurationPage, renderEnvExample } from "./docs.ts";
import { parseConfig } from "./parse.ts";
import { SECTIONS, SETTING_NAMES, settingOf } from "./table.ts";

const read = (path: string): string => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

Deno.test(".env.example is what the table gives (else run tools/config_docs.ts)", () => {
  assert.equal(read(".env.example"), renderEnvExample());
});

Deno.test("docs/configuration.md is what the table gives (else run tools/config_docs.ts)", () => {
  assert.equal(read("docs/configuration.md"), renderConfigurationPage());
});

Deno.test("every setting stands in exactly one section and in both files", () => {
  assert.deepEqual(SECTIONS.flatMap(({ names }) => names), [...SETTING_NAMES]);
  const env = renderEnvExample();
  const page = renderConfigurationPage().replace(/^[^]*## Service$/m, "");
  for (const name of SETTING_NAMES) {
    assert.equal(env.split(`\n#${name}=`).length, 2, name);
    assert.equal(page.split(`\n| \`${name}\` `).length, 2, name);
  }
});

Deno.test("every default and every example is something that its setting takes", () => {
  for (const name of SETTING_NAMES) {
    const { kind, fallback, example } = settingOf(name);
    for (const text of [fallback, example]) if (typeof text === "string") assert.ok(kind.parse(text).ok, name);
  }
});

Deno.test("the defaults of .env.example written out change nothing", () => {
  const written = SETTING_NAMES.flatMap((name) => {
    const { fallback } = settingOf(name);
    return fallback === null || name.startsWith("REDIS_") ? [] : [[name, fallback]];
  });
  const context = { hostname: "h", version: "1", mintToken: () => "m" };
  const { config, warnings } = parseConfig(Object.fromEntries(written), context);
  assert.deepEqual(JSON.stringify(config), JSON.stringify(parseConfig({}, context).config));
  assert.deepEqual(warnings, []);
});
