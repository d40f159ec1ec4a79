/** The admin API: the token, questions, and changes with the line that they leave in the audit log. */
import { store } from "./store.js";

const KEY = "admin-token";
const PATIENCE_MS = 30_000;

/** The token of this tab, and why there is none. */
export const session = store({ token: takeToken(), problem: null });

/** Keeps a token for this tab. */
export function signIn(token) {
  // What cannot stand in a header cannot be the token.
  if (!/^[\x21-\x7e]+$/.test(token)) return signOut("The token was not accepted.");
  keep(token);
  session.set({ token, problem: null });
}

/** Forgets it. */
export function signOut(problem = null) {
  keep(null);
  session.set({ token: null, problem });
}

/** What the API says when it does not do what was asked. `status` 0: there was no answer. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks. Answers JSON. */
export async function api(path, { method = "GET", body, signal, headers = {} } = {}) {
  const response = await request(path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])]),
  });
  return await response.json();
}

/** Asks, and gives the response. @throws {ApiError} */
export async function request(path, init) {
  const { token } = session.get();
  let response;
  try {
    response = await fetch(`api/${path}`, {
      ...init,
      cache: "no-store",
      headers: { ...init.headers, Authorization: `Bearer ${token}` },
    });
  } catch (error) {
    if (init.signal?.aborted && init.signal.reason?.name === "AbortError") throw error;
    throw new ApiError(0, "The service does not answer.");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401 && session.get().token === token) signOut("The token was not accepted.");
  throw new ApiError(response.status, problem.detail ?? problem.title ?? `The service answered ${response.status}.`);
}

/** Changes something. @returns What came of it, and the line in the audit log; null where it is not there. */
export async function act(path, { method = "POST", body } = {}) {
  const correlationId = crypto.randomUUID?.() ?? `dashboard-${Date.now()}-${Math.random().toString(16).slice(2)}`;
  const result = await api(path, { method, body, headers: { "X-Correlation-ID": correlationId } });
  const { items } = await api("audit").catch(() => ({ items: [] }));
  return { result, line: items.find((one) => one.correlationId === correlationId) ?? null };
}

/** `?a=b` of what is neither null nor empty. */
export function queryOf(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** The link in the log is `/admin/#TOKEN`: it must not stay in the address bar, where it is seen and bookmarked. */
function takeToken() {
  const { hash, pathname, search } = location;
  if (hash.length > 1 && !hash.startsWith("#/")) {
    const token = decode(hash.slice(1));
    history.replaceState(null, "", `${pathname}${search}#/now`);
    if (!/^[\x21-\x7e]+$/.test(token)) return null;
    keep(token);
    return token;
  }
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

addEventListener("hashchange", () => {
  if (location.hash.length <= 1 || location.hash.startsWith("#/")) return;
  signIn(takeToken() ?? "");
});

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function keep(token) {
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // Without storage the token lives as long as the page.
  }
}
