/** What every view is made of. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/preact_htm.js";
import { act, api, session } from "./api.js";
import { since, time, visible } from "./format.js";
import { refresh } from "./live.js";
import { store, useStore } from "./store.js";

/** Text of strangers: nothing hidden in it, and its direction is its own. */
export function Text({ value, lines = false }) {
  return html`<bdi>${visible(String(value ?? ""), lines)}</bdi>`;
}

/** A time, with the whole of it on hover. */
export function Time({ iso, ago = false }) {
  if (!iso) return html`<span class="muted">–</span>`;
  return html`<time datetime=${iso} title=${iso}>${time(iso)}${ago ? ` (${since(iso)} ago)` : ""}</time>`;
}

/** Why there is nothing, or what to do. */
export function Empty({ title, children }) {
  return html`
    <div class="empty">
      <p class="empty-title">${title}</p>
      <p>${children}</p>
    </div>
  `;
}

/** A fault of a question, with a way to ask again. */
export function Fault({ error, onRetry }) {
  return html`
    <div class="fault" role="alert">
      <p><${Shape} name="down" /> <${Text} value=${error.message} /></p>
      ${onRetry && html`<button type="button" onClick=${onRetry}>Try again</button>`}
    </div>
  `;
}

const SHAPES = {
  flowing: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm3.2 4.6-3.9 4.6a.9.9 0 0 1-1.3.1L4 9l1.1-1.2 1.5 1.3 3.3-4Z",
  slow: "M8 1.2 15.2 14H.8L8 1.2Zm-.8 4.6.2 4.2h1.2l.2-4.2H7.2ZM8 10.9a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z",
  stuck: "M5 1.5h6L14.5 5v6L11 14.5H5L1.500 11V5L5 1.500Zm.2 5.600v1.800h5.600V7.100H5.200Z",
  paused: "M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM5.800 5h1.500v6H5.800V5Zm2.900 0h1.500v6H8.700V5Z",
  down:
    "M5 1.500h6L14.500 5v6L11 14.500H5L1.500 11V5L5 1.500Zm.9 3.300L4.800 5.900 6.900 8l-2.100 2.100 1.100 1.100L8 9.100l2.100 2.100 1.100-1.100L9.100 8l2.100-2.100-1.100-1.100L8 6.900 5.900 4.800Z",
  unknown:
    "M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13Zm0 1.600a4.900 4.900 0 1 1 0 9.800 4.900 4.900 0 0 1 0-9.800Z",
};

/** A sign that differs in form, not in colour alone. */
export function Shape({ name }) {
  return html`
    <svg class=${`shape shape-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d=${SHAPES[name] ?? SHAPES.unknown} fill="currentColor" fill-rule="evenodd" />
    </svg>
  `;
}

/** A value that follows another one, at most once in `ms`: for what costs Redis something to ask. */
export function useSlowly(value, ms) {
  const [shown, set] = useState(value);
  const at = useRef(0);
  useEffect(() => {
    if (value === shown) return;
    const timer = setTimeout(() => {
      at.current = Date.now();
      set(value);
    }, Math.max(0, at.current + ms - Date.now()));
    return () => clearTimeout(timer);
  }, [value, shown, ms]);
  return shown;
}

/** A question that is asked when what it depends on changes, and every so often. `data` stays while it is asked anew. */
export function useApi(path, { everyMs = null, key = null } = {}) {
  const [state, set] = useState({ data: null, error: null, path: null });
  const [round, again] = useState(0);
  useEffect(() => {
    if (path === null) return;
    const ended = new AbortController();
    let timer = null;
    const ask = async () => {
      try {
        const data = await api(path, { signal: ended.signal });
        if (!ended.signal.aborted) set({ data, error: null, path });
      } catch (error) {
        if (ended.signal.aborted) return;
        set((before) => ({ data: before.path === path ? before.data : null, error, path }));
      }
      if (everyMs !== null && !ended.signal.aborted) timer = setTimeout(ask, everyMs);
    };
    ask();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, key, round]);
  const current = state.path === path;
  return {
    data: state.data,
    error: current ? state.error : null,
    loading: path !== null && !current,
    reload: () => again((n) => n + 1),
  };
}

/** What was done last; screen readers are told. Earlier ones are under Controls. */
const notices = store([]);
let noticeId = 0;
session.listen(({ token }) => {
  if (token === null) notices.set([]);
});

/** Tells what happened. @param line The line in the audit log. */
export function notify({ text, line = null, bad = false }) {
  notices.set([{ id: ++noticeId, text, line, bad }]);
}

/** Does something and tells what came of it; a fault is told, not thrown. @returns The result; null after a fault. */
export async function perform(path, options, describe) {
  try {
    const { result, line } = await act(path, options);
    notify({ text: describe(result), line });
    refresh();
    return result;
  } catch (error) {
    notify({ text: error.message, bad: true });
    return null;
  }
}

/** Where notices are shown. */
export function Notices() {
  const shown = useStore(notices);
  const drop = (id) => notices.set((before) => before.filter((one) => one.id !== id));
  return html`
    <div class="notices" role="status" aria-live="polite">
      ${shown.map(({ id, text, line, bad }) =>
        html`
          <div class=${bad ? "notice bad" : "notice"} key=${id}>
            <div>
              <p class="notice-text"><${Shape} name=${bad ? "down" : "flowing"} /> <${Text} value=${text} /></p>
              ${line && html`<${AuditText} line=${line} />`}
            </div>
            <button type="button" class="quiet" onClick=${() => drop(id)} aria-label="Dismiss this message">✕</button>
          </div>
        `
      )}
    </div>
  `;
}

/** One line of the audit log. */
export function AuditText({ line }) {
  const { time: at, action, target, result, remote } = line;
  return html`
    <p class="audit">
      <span class="tag">audit</span> <${Time} iso=${at} /> <b>${action}</b> <${Text} value=${target} />${": "}
      <${Text} value=${result} /> <span class="muted">from ${remote}</span>
    </p>
  `;
}

/**
 * A question before something is done. The browser keeps the focus inside, gives it back, and closes on Escape.
 * @param busy Text of what is going on; then there is nothing to press but `onCancel`.
 */
export function Confirm({ title, children, action, danger = false, busy = null, onConfirm, onCancel }) {
  const ref = useRef(null);
  const opener = useRef(null);
  useLayoutEffect(() => {
    opener.current = document.activeElement;
    ref.current.showModal();
    const dialog = ref.current;
    return () => {
      dialog.close();
      if (opener.current?.isConnected) opener.current.focus();
      else document.querySelector("main")?.focus();
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onCancel();
  };
  return html`
    <dialog ref=${ref} onCancel=${cancel} aria-labelledby="confirm-title" aria-describedby="confirm-text">
      <h2 id="confirm-title">${title}</h2>
      <div id="confirm-text">${children}</div>
      <div aria-live="polite">${busy !== null && html`<p class="busy">${busy}</p>`}</div>
      <div class="buttons">
        <button type="button" onClick=${onCancel} autofocus>${busy === null ? "Cancel" : "Stop"}</button>
        ${action && html`
          <button type="button" class=${danger ? "danger" : "primary"} disabled=${busy !== null} onClick=${onConfirm}>
            ${action}
          </button>
        `}
      </div>
    </dialog>
  `;
}

/** Heading of a view. The view's name goes into the title of the page. */
export function Heading({ title, children }) {
  useEffect(() => {
    document.title = `${title} · Redis Stream Service`;
  }, [title]);
  return html`<div class="heading"><h1>${title}</h1>${children}</div>`;
}

/** A table that scrolls by itself where it is too wide, also by keyboard. */
export function Table({ label, head, children, className = "" }) {
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${label}>
      <table class=${className}>
        <thead>
          <tr>${head.map((one) => {
            const { text, num = false, hidden = false } = typeof one === "string" ? { text: one } : one;
            return html`<th scope="col" class=${num ? "num" : ""}>${
              hidden ? html`<span class="sr">${text}</span>` : text
            }</th>`;
          })}</tr>
        </thead>
        <tbody>${children}</tbody>
      </table>
    </div>
  `;
}
