/**
 * What goes on now, pushed by the service: server-sent events, read with `fetch` because an `EventSource` sends no token.
 * Connects again by itself, for as long as the page is open.
 */
import { api, ApiError, request, session } from "./api.js";
import { store } from "./store.js";

const WAITS_MS = [300, 700, 1_500, 3_000, 5_000];
/** Something comes every two seconds; silence for so long is a dead connection. */
const SILENCE_MS = 12_000;

/**
 * `status`: `connecting`, `live`, `asking` (as many watch already as may: figures are asked for every few seconds), `lost`.
 * `now`: the latest figures. `since`: when the status began.
 */
export const live = store(nothingYet());

// Whoever signs in next sees nothing of what this one saw.
session.listen(({ token }) => {
  if (token === null) live.set(nothingYet());
});

// At once, before anything is drawn: a person who opens the page waits for this.
let asked = session.get().token !== null;
if (asked) queueMicrotask(refresh);

/** Follows the service until what it returns is called. */
export function follow() {
  const ended = new AbortController();
  if (!asked) refresh();
  asked = false;
  run(ended.signal);
  return () => ended.abort();
}

/** Fresh figures at once, after a change. @returns Whether they came. */
export async function refresh() {
  const { token } = session.get();
  const now = await api("now").catch(() => null);
  if (now === null || session.get().token !== token) return false;
  live.set((before) => ({ ...before, now }));
  return true;
}

function nothingYet() {
  return { status: "connecting", now: null, since: Date.now(), problem: null };
}

async function run(signal) {
  let failures = 0;
  while (!signal.aborted && session.get().token !== null) {
    const from = Date.now();
    const { status, problem } = await connect(signal);
    if (signal.aborted || session.get().token === null) return;
    mark(status, problem);
    if (Date.now() - from > 10_000) failures = 0;
    const wait = WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)];
    await pause(wait * (0.75 + Math.random() / 2), signal);
  }
}

/** One connection, until it ends. @returns What there is instead of it, and why it ended. */
async function connect(signal) {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    const response = await request("live?kinds=now,tick", { signal: both });
    const again = ["asking", "lost"].includes(live.get().status);
    mark("live", null);
    if (again) refresh();
    for await (const message of messages(response.body, heard)) take(message);
    return { status: "lost", problem: "The service ended the connection." };
  } catch (error) {
    const problem = error instanceof ApiError ? error.message : "The connection was lost.";
    const full = error instanceof ApiError && error.status === 429;
    return { status: full && await refresh() ? "asking" : "lost", problem };
  } finally {
    clearTimeout(timer);
  }
}

async function* messages(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const kind = /^event: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (kind !== undefined && data !== undefined) yield { kind, data: JSON.parse(data) };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function take({ kind, data }) {
  if (kind === "now") live.set((before) => ({ ...before, now: data }));
}

function mark(status, problem) {
  live.set((before) => ({
    ...before,
    status,
    problem,
    since: before.status === status ? before.since : Date.now(),
  }));
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      // A night without the service would leave thousands of them.
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
