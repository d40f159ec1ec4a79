/**
 * Why an admin query or command cannot be answered, for every face to put in its own words.
 * @module
 */

/** Every reason. */
export type AdminErrorCode = "invalid" | "not_found" | "ambiguous" | "starting";

/** See the module's text. */
export class AdminError extends Error {
  /** Stable, machine-readable. */
  readonly code: AdminErrorCode;
  /** The parameter at fault; null where there is none. */
  readonly parameter: string | null;

  /** @param code Why. @param message What was found and what is wanted; never an echo of hostile text. @param parameter At fault. */
  constructor(code: AdminErrorCode, message: string, parameter: string | null = null) {
    super(message);
    this.name = "AdminError";
    this.code = code;
    this.parameter = parameter;
  }
}

/** A parameter is not what is wanted. */
export function invalid(parameter: string, want: string): AdminError {
  return new AdminError("invalid", `${parameter}: want ${want}`, parameter);
}
