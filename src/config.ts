/**
 * The configuration: environment → {@link Config}, or one {@link ConfigError} with every problem.
 * @module
 */
export { ConfigError } from "./config/error.ts";
export { type ConfigContext, parseConfig } from "./config/parse.ts";
export { type ConfigRow, describeConfig } from "./config/describe.ts";
export { passwordFromFile } from "./config/secret_file.ts";
export { SETTING_NAMES, type SettingName } from "./config/table.ts";
export {
  type Address,
  type Config,
  type ConfigProblem,
  type ParsedConfig,
  type RedisConfig,
  type RedisTopology,
  Secret,
  type TlsConfig,
} from "./config/types.ts";
