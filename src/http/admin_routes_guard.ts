/**
 * Who may: the bearer token, a limit on wrong ones, and a line in the audit log for each change.
 * @module
 */
import { AdminError } from "../admin/errors.ts";
import type { Clock } from "../clock.ts";
import { ServiceError, StoreRefusedError, StoreUnavailableError } from "../errors.ts";
import type { Logger } from "../telemetry/logger.ts";
import { docOf } from "./admin_routes_docs.ts";
import { type Problem, problemResponse } from "./problem.ts";
import { RateLimit } from "./rate_limit.ts";
import type { RequestContext, Route } from "./routes.ts";
import { refuseBearer } from "./token.ts";

/** What a guard is made of. */
export interface GuardOptions {
  readonly token: string;
  readonly clock: Clock;
  /** Named `audit`. */
  readonly audit: Logger;
  readonly retryAfterSeconds: () => number;
}

/** A change, for the audit log. */
export interface Change {
  /** `dead_letter.replay` */
  readonly action: string;
  /** What it was done to. */
  readonly target: string;
}

/** Wrong tokens a second that are answered, and logged, one by one. */
const FAILURES_A_SECOND = 5;

/** See the module's text. */
export class Guard {
  readonly #o: GuardOptions;
  readonly #failures: RateLimit;

  /** @param options See {@link GuardOptions}. */
  constructor(options: GuardOptions) {
    this.#o = options;
    this.#failures = new RateLimit(FAILURES_A_SECOND, () => options.clock.monotonic());
  }

  /** A route that only who has the token reaches, and whose errors are problem documents. */
  route(method: Route["method"], path: string, handle: Route["handle"]): Route {
    return {
      method,
      pattern: `/admin/api/${path}`,
      ...docOf(method, path),
      handle: async (request, context) => {
        const refused = this.#refuse(request, context);
        if (refused !== null) return problemResponse(refused, context.correlationId);
        try {
          return await handle(request, context);
        } catch (error) {
          const problem = this.#problemOf(error);
          if (problem === null) throw error;
          return problemResponse(problem, context.correlationId);
        }
      },
    };
  }

  /** Does a change and tells of it, whatever becomes of it. */
  async audited<T>(change: Change, { remote }: RequestContext, work: () => Promise<T>): Promise<T> {
    const tell = (result: unknown): void =>
      this.#o.audit.info("{action} {target}: {result}", { ...change, result, remote: remote ?? "unknown" });
    try {
      const result = await work();
      tell(JSON.stringify(result));
      return result;
    } catch (error) {
      tell(error instanceof AdminError || error instanceof ServiceError ? `failed: ${error.code}` : "failed");
      throw error;
    }
  }

  /**
   * Whoever has the token always gets in: wrong ones of others must not lock the operator out. The limit is on what they
   * cost and what they fill the log with; against guessing there is the length of the token.
   */
  #refuse(request: Request, { remote }: RequestContext): Problem | null {
    const refused = refuseBearer(request.headers, this.#o.token);
    if (refused === null) return null;
    const waitSeconds = this.#failures.take();
    if (waitSeconds > 0) return tooMany(waitSeconds);
    this.#o.audit.warn("a wrong or missing admin token", { remote: remote ?? "unknown" });
    return refused;
  }

  #problemOf(error: unknown): Problem | null {
    if (error instanceof AdminError) return adminProblem(error);
    const cause = error instanceof StoreUnavailableError || error instanceof StoreRefusedError ? error.reason : null;
    if (cause === null) return null;
    return {
      status: 503,
      code: "redis_unusable",
      title: "Redis is not usable",
      detail: `Redis is not usable: ${cause}`,
      headers: { "Retry-After": String(this.#o.retryAfterSeconds()) },
    };
  }
}

function adminProblem({ code, message, parameter }: AdminError): Problem {
  const members = parameter === null ? {} : { members: { parameter } };
  switch (code) {
    case "invalid":
      return { status: 400, code: "parameter_invalid", title: "Invalid parameter", detail: message, ...members };
    case "not_found":
      return { status: 404, code: "not_found", title: "Not found", detail: message };
    case "ambiguous":
      return { status: 409, code: "ambiguous", title: "Ambiguous", detail: message, ...members };
    case "starting":
      return { status: 503, code: "starting", title: "Starting", detail: message, headers: { "Retry-After": "1" } };
  }
}

function tooMany(waitSeconds: number): Problem {
  return {
    status: 429,
    code: "rate_limited",
    title: "Too many requests",
    detail: `Too many wrong tokens. Try again in ${waitSeconds} s.`,
    headers: { "Retry-After": String(waitSeconds) },
  };
}
