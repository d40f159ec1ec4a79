/**
 * Every schema of `/openapi.json` by its name: the one place for them.
 * @module
 */
import { ADMIN_SCHEMAS } from "./schemas_admin.ts";
import { SERVICE_SCHEMAS } from "./schemas_service.ts";

/** See the module's text. */
export const SCHEMAS = { ...SERVICE_SCHEMAS, ...ADMIN_SCHEMAS } as const;

/** A name that routes may refer to. */
export type SchemaName = keyof typeof SCHEMAS;
