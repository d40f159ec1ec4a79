/** The handlers that `deploy/docker/verify.sh` mounts into the image. */
export { big } from "./memory_handlers.ts";
export { placed } from "./rolling_handlers.ts";
