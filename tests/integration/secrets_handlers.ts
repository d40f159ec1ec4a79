/** A handler that is careless with every secret it can reach: in errors, in logs, and in a rejection that nobody catches. */
import { defineHandler, NonRetryableError } from "redis-stream-service";
import { z } from "zod";

const NAMES = ["REDIS_URL", "REDIS_PW", "API_TOKEN", "ADMIN_TOKEN"];

function secrets(): string {
  return NAMES.map((name) => `${name}=${Deno.env.get(name) ?? ""}`).join(" ");
}

export const careless = defineHandler({
  type: "test.careless",
  handle(event, ctx) {
    ctx.log.warn(`careless with ${secrets()}`, { secrets: secrets(), nested: { list: [secrets()] } });
    ctx.log.error("failed: {error}", { error: new Error(secrets(), { cause: new Error(secrets()) }) });
    Promise.reject(new Error(`nobody catches ${secrets()}`));
    if (event.subject === "retry") throw new Error(`retry with ${secrets()}`);
    throw new NonRetryableError(`no hope with ${secrets()}`, { cause: secrets() });
  },
});

export const quiet = defineHandler({ type: "test.quiet", schema: z.object({ n: z.number() }), handle: () => {} });
