/**
 * What is wrong with an event that somebody wants to publish.
 * @module
 */
import { ServiceError } from "../errors.ts";

/** An event breaks the rules of CloudEvents or of this service. */
export class EventInvalidError extends ServiceError {
  /** The attribute at fault: `type`, `data`, the name of an extension … */
  readonly attribute: string;

  /** @param attribute At fault. @param message What was found and what is wanted. @param options `cause`. */
  constructor(attribute: string, message: string, options?: ErrorOptions) {
    super("event_invalid", message, options);
    this.attribute = attribute;
  }
}

/** The data of an event is larger than allowed. */
export class EventTooLargeError extends ServiceError {
  /** Always `data`: the attributes have limits of their own. */
  readonly attribute = "data";
  /** Size found and wanted, bytes. */
  readonly bytes: number;
  readonly maxBytes: number;

  /** @param bytes Found. @param maxBytes Wanted at most. */
  constructor(bytes: number, maxBytes: number) {
    super("event_too_large", `Cannot publish the event: data has ${bytes} bytes, want at most ${maxBytes}`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}
