import assert from "node:assert/strict";
import { DASHBOARD_FILES } from "./dashboard_route_assets.ts";
import { dashboardRoutes } from "./dashboard_route.ts";
import { fixture } from "./fixtures_test.ts";

const FOLDER = new URL("../dashboard/", import.meta.url);

function* filesIn(folder: URL, prefix = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(new URL(`${name}/`, folder), `${prefix}${name}/`);
    else if (!/\.(txt|md)$/.test(name)) yield prefix + name;
  }
}

const address = (name: string): string => name === "index.html" ? "/admin/" : `/admin/assets/${name}`;

Deno.test("every file of the dashboard is served as what it is, and nothing else", async () => {
  const { ask } = fixture({ routes: dashboardRoutes() });
  assert.deepEqual([...filesIn(FOLDER)].sort(), [...DASHBOARD_FILES].sort());
  for (const name of DASHBOARD_FILES) {
    const response = await ask(address(name));
    assert.equal(response.status, 200, name);
    assert.match(
      response.headers.get("content-type") ?? "",
      /^(text\/(html|css|javascript); charset=utf-8|image\/svg\+xml)$/,
    );
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(await response.text(), await Deno.readTextFile(new URL(name, FOLDER)), name);
  }
  for (
    const path of ["assets/none.js", "assets/vendor/README.md", "assets/..%2f..%2fapp.ts", "assets/index.html/", "x"]
  ) {
    assert.equal((await ask(`/admin/${path}`)).status, 404, path);
  }
  assert.equal((await ask("/admin/", { method: "POST" })).status, 405);
  const moved = await ask("/admin");
  assert.deepEqual([moved.status, moved.headers.get("location")], [308, "admin/"]);
});

Deno.test("the page allows nothing but its own files: no inline code or style, no markup from text, no frame", async () => {
  const { ask } = fixture({ routes: dashboardRoutes() });
  const response = await ask("/admin/");
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.doesNotMatch(policy, /unsafe|\*|https?:|data:|nonce/);
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"]) {
    assert.ok(policy.split("; ").includes(part), part);
  }
  assert.doesNotMatch(await response.text(), /<script>|\sstyle=|\son\w+=|https?:\/\//);
  for (const name of DASHBOARD_FILES.filter((name) => /^[^/]+\.js$/.test(name))) {
    const code = await Deno.readTextFile(new URL(name, FOLDER));
    assert.doesNotMatch(code, /innerHTML|\sstyle=|\beval\(|dangerously|https?:\/\//, name);
  }
});

Deno.test("what is known is not sent again; what is sent is small; a HEAD has no body", async () => {
  const { ask } = fixture({ routes: dashboardRoutes() });
  let bytes = 0;
  for (const name of DASHBOARD_FILES) {
    const response = await ask(address(name), { headers: { "Accept-Encoding": "gzip, br" } });
    assert.equal(response.headers.get("content-encoding"), "gzip");
    const body = await response.arrayBuffer();
    assert.equal(Number(response.headers.get("content-length")), body.byteLength);
    bytes += body.byteLength;
    const again = await ask(address(name), { headers: { "If-None-Match": response.headers.get("etag")! } });
    assert.deepEqual([again.status, await again.text()], [304, ""]);
    assert.equal(again.headers.get("cache-control"), "no-cache");
  }
  assert.ok(bytes < 100_000, `${bytes} bytes for all of it, compressed`);
  const head = await ask("/admin/", { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  assert.equal(
    (await ask("/admin/", { headers: { "Accept-Encoding": "gzip;q=0" } })).headers.get("content-encoding"),
    null,
  );
});
