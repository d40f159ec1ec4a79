import assert from "node:assert/strict";
import { FakeClock } from "../../testing/fake_clock.ts";
import { createLogging } from "./logging.ts";

Deno.test("what people changed is written whatever the level", async () => {
  const chunks: string[] = [];
  const logging = createLogging({
    ...{ level: "ERROR", format: "json", timezone: "UTC", serviceName: "shop", secrets: [], clock: new FakeClock() },
    write: (chunk) => {
      chunks.push(new TextDecoder().decode(chunk));
      return Promise.resolve(chunk.length);
    },
  });
  logging.logger("service").warn("not written");
  logging.logger("audit").info("{action}", { action: "consumer.pause" });
  await logging.flush(1_000);
  assert.deepEqual(chunks.join("").trim().split("\n").map((line) => JSON.parse(line).message), ["consumer.pause"]);
  await logging[Symbol.asyncDispose]();
});
