/** The process that dies: the whole service, with a crash point. Exits with 0 where it never comes to that point. */
import { makeApp, openLogging, readConfig } from "../../src/boot.ts";
import { collect } from "../../src/handling/load.ts";
import { type CrashPoint, dieAt, handlers, PUBLISHED, soon } from "./support_crash.ts";

dieAt(JSON.parse(Deno.env.get("CRASH_POINT") ?? "{}") as CrashPoint);
const parsed = readConfig(Deno.env.toObject());
const logging = openLogging(parsed);
const app = makeApp(parsed, logging, collect({ ...handlers(true) }));
await app.listen();
await app.start();
await app.ready(AbortSignal.timeout(10_000));
const [published, delayed] = PUBLISHED;
await app.publish({ type: "plain", id: published, source: "t" });
await app.publish({ type: "plain", id: delayed, source: "t", extensions: { deliverat: soon() } });
// Every step of the work comes about by then; what is left are those of the end.
await new Promise((resolve) => setTimeout(resolve, 2_500));
await app.stop();
Deno.exit(0);
