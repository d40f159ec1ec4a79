/** Handler of the memory tests: looks at its event for a moment. */
import { defineHandler } from "redis-stream-service";

export const big = defineHandler({
  type: "memory.big",
  async handle() {
    await new Promise((resolve) => setTimeout(resolve, 5));
  },
});
