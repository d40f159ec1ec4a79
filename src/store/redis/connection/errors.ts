/**
 * Foreign errors become ours here, once: error replies by their prefix, socket and protocol errors by what they mean.
 *
 * What the text of an error may hold is decided here too. Servers echo arguments ("with args beginning with: …") and
 * Deno puts whole URLs into its texts, so that every text goes through {@link redact} before anybody sees it.
 * @module
 */
import { type RedisCause, StoreRefusedError, StoreUnavailableError } from "../../../errors.ts";

/** An error of this adapter: no answer, or an answer that refuses. */
export type StoreError = StoreUnavailableError | StoreRefusedError;

/** Longest foreign text that is kept. */
const LONGEST_TEXT = 300;

/** First word of an error reply → cause. */
const PREFIXES: Readonly<Record<string, RedisCause>> = {
  LOADING: "loading",
  BUSY: "busy",
  UNKILLABLE: "busy",
  READONLY: "readonly",
  MASTERDOWN: "readonly",
  OOM: "out_of_memory",
  MISCONF: "misconf",
  NOREPLICAS: "no_replicas",
  CLUSTERDOWN: "cluster_down",
  TRYAGAIN: "cluster_down",
  NOAUTH: "auth",
  WRONGPASS: "auth",
  NOPERM: "permission",
  // Protected mode: it takes strangers in only once it has a password.
  DENIED: "auth",
  NOGROUP: "no_group",
  WRONGTYPE: "wrong_type",
  NOSCRIPT: "no_script",
  MOVED: "moved",
  // The slot is on its way. Whoever followed would find, at the other node, a part of the keys; and a lease that has not
  // arrived yet looks like one that was taken over. So it is waited for, as for TRYAGAIN.
  ASK: "cluster_down",
  UNBLOCKED: "unblocked",
};

/** Error replies whose first word is just `ERR`. */
const GENERIC: readonly (readonly [RegExp, RedisCause])[] = [
  [/max number of clients/i, "max_clients"],
  // What is not permitted to a command is not permitted to a script either, but is said in other words.
  [/user executing the script can't/i, "permission"],
  [/AUTH .*without any password|sent AUTH, but no password|invalid password/i, "auth"],
  [/no such key|XGROUP subcommand requires the key/i, "no_group"],
];

/** What is wanted, for causes where a person has to act and the server does not say how. */
const WANTED: Partial<Record<RedisCause, string>> = {
  moved: "wanted the node that owns the key: for a Redis Cluster set REDIS_CLUSTER_NODES",
  auth: "wanted other credentials: see REDIS_USER, REDIS_PW and REDIS_PW_FILE",
  max_clients: "wanted room for one more client: see the server's maxclients",
};

/** System error codes that say: nobody took the connection. */
const UNREACHED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_NODATA",
  "ENOENT",
]);

/** Names of node-redis errors that say: the command was never written. */
const NOT_SENT: ReadonlySet<string> = new Set(["ClientOfflineError", "ClientClosedError"]);

/** Names of node-redis errors that say: the link ended. */
const ENDED: ReadonlySet<string> = new Set([
  ...NOT_SENT,
  "DisconnectsClientError",
  "SocketClosedUnexpectedlyError",
  "ConnectionTimeoutError",
  "AbortError",
]);

/**
 * Replaces secrets, and arguments that a server echoes, by `***`; cuts long texts.
 * @param secrets Values that must not appear; empty ones are ignored.
 */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text.replace(/(with args beginning with:).*$/is, "$1 ***");
  // A URL with a password in it: `scheme://user:password@host`.
  clean = clean.replace(/(\b[a-z]+:\/\/)[^\s']*@/gi, "$1***@");
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "***");
  return clean.length > LONGEST_TEXT ? `${clean.slice(0, LONGEST_TEXT)}…` : clean;
}

/** Cause class of an error reply's text. */
export function causeOfReply(text: string): RedisCause {
  // A blocked command is ended so when its node becomes a replica.
  if (text.startsWith("UNBLOCKED force unblock")) return "readonly";
  const prefix = text.slice(0, Math.max(0, text.indexOf(" ")) || text.length);
  const known = Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix] : undefined;
  return known ?? GENERIC.find(([pattern]) => pattern.test(text))?.[1] ?? "unknown";
}

/**
 * An error reply as ours.
 * @param doing What was attempted: `sending XADD to Redis`.
 */
export function refused(error: Error, doing: string, secrets: readonly string[]): StoreRefusedError {
  const cause = causeOfReply(error.message);
  const found = redact(error.message, secrets);
  const wanted = WANTED[cause];
  const message = `${doing}: refused with "${found}"${wanted ? `; ${wanted}` : ""}`;
  return new StoreRefusedError(cause, message, keep(error, found));
}

/** What is known about a failed link. */
export interface LinkContext {
  /** What was attempted: `connecting to Redis`. */
  readonly doing: string;
  readonly secrets: readonly string[];
  /** TLS is on and the link was never ready: errors without a system code come from TLS. */
  readonly tlsHandshake: boolean;
  /** A command may have been executed although no answer came. */
  readonly outcomeUnknown: boolean;
}

/** A socket, protocol or TLS error as ours. */
export function unavailable(error: unknown, context: LinkContext): StoreUnavailableError {
  const cause = causeOfLink(error, context.tlsHandshake);
  const found = redact(describe(error), context.secrets);
  const outcomeUnknown = context.outcomeUnknown && !NOT_SENT.has(nameOf(error));
  return new StoreUnavailableError(cause, `${context.doing}: ${found}`, { ...keep(error, found), outcomeUnknown });
}

/** True for replies after which this link is of no more use: another node is wanted, or another login. */
export function needsFreshLink(error: StoreError): boolean {
  return error.reason === "readonly" || error.reason === "moved" || error.reason === "auth";
}

/**
 * True when nobody answered at all, so that a bare connection that is accepted is news worth a new attempt. Where
 * somebody answered and refused, it is none, and acting on it would make a tight loop.
 */
export function nobodyAnswered(error: StoreError): boolean {
  if (error.reason === "timeout") return true;
  if (error.reason !== "connection") return false;
  let inner: unknown = error;
  for (let depth = 0; depth < 5 && inner instanceof Error; depth++, inner = inner.cause) {
    if (UNREACHED.has(codeOf(inner))) return true;
  }
  return false;
}

function causeOfLink(error: unknown, tlsHandshake: boolean): RedisCause {
  const code = codeOf(error);
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)|^EPROTO$/.test(code)) return "tls";
  if (UNREACHED.has(code) || ENDED.has(nameOf(error))) return "connection";
  if (tlsHandshake && /certificate|tls|ssl|handshake|corrupt message|pem/i.test(describe(error))) return "tls";
  if (/^(E[A-Z]+|ERR_STREAM.*)$/.test(code)) return "connection";
  // The decoder of node-redis throws plain errors; any other foreign error on a live link is a broken link too.
  return /RESP type|Invalid array length|Cannot read properties|is not a function/.test(describe(error))
    ? "protocol"
    : "connection";
}

function describe(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  if (!(inner instanceof Error)) return String(inner);
  return inner.message === "" ? nameOf(inner) || codeOf(inner) : inner.message;
}

/** node-redis does not set `name`; its class does. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return error.name === "Error" ? error.constructor.name : error.name;
}

function codeOf(error: unknown): string {
  const inner = error instanceof AggregateError && !("code" in error) ? error.errors[0] : error;
  const code = inner instanceof Error && "code" in inner ? inner.code : undefined;
  return typeof code === "string" ? code : "";
}

/** Keeps the foreign error as cause, unless its own text holds what was taken out of ours. */
function keep(error: unknown, found: string): ErrorOptions {
  return error instanceof Error && (error.message === found || error.message === "") ? { cause: error } : {};
}
