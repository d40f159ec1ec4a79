/**
 * For the start: the service by its own main module, or a bare `Deno.serve` that imports the same client and connects.
 * @module
 */
const env = Deno.env.toObject();

if (env["BENCH_WAY"] === "service") {
  Deno.env.set("HANDLERS", new URL("../../handlers/mod.ts", import.meta.url).href);
  await import("../../main.ts");
} else {
  const { createClient } = await import("@redis/client");
  const client = createClient({ url: env["REDIS_URL"]! });
  client.on("error", () => {});
  Deno.serve(
    { port: Number(env["SERVICE_PORT"]), hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("OK"),
  );
  await client.connect();
}
