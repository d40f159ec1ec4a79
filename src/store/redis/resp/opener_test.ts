/** Our own links do what every link must. */
import { runOpenerTests } from "../connection/opener_cases_test.ts";
import { RespOpener } from "./opener.ts";

runOpenerTests({
  name: "own links",
  make: (config) => new RespOpener(config),
  channel: (manager) => manager.blocking("reader", ""),
  leastRules: [],
  uncertified: ["tls"],
});
