/**
 * How a command is called in texts.
 * @module
 */
import type { Arg } from "../channel.ts";

/** First word; the second too where the first is a family of commands. Never an argument that could be a secret. */
export function commandName(args: readonly Arg[]): string {
  const [first, second] = args;
  if (typeof first !== "string") return "a command";
  const family = /^(CLIENT|CLUSTER|CONFIG|XGROUP|XINFO|SCRIPT|SENTINEL)$/i.test(first);
  return family && typeof second === "string" ? `${first} ${second}` : first;
}
