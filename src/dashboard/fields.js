/** The content of an event: its payload first, then its other fields; large and secret values as the service gives them. */
import { html, useState } from "./vendor/preact_htm.js";
import { api } from "./api.js";
import { count, prettyJson, visible } from "./format.js";
import { Text } from "./ui.js";

/** Characters of a value that are shown at first, and when all are wanted. */
export const PREVIEW = 4_000;
const WHOLE = 2_000_000;
const BODY = ["data", "payload"];

/**
 * @param item What the API answered, with `fields`, and `cut` and `masked` where that is so.
 * @param path Where the whole of it is asked for, and how the item is found in the answer.
 */
export function Fields({ item, path, pick = (answer) => answer }) {
  const [all, setAll] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  if (item === null) return html`<p class="muted">Its content is gone: the entry was trimmed or deleted.</p>`;
  const shown = all ?? item;
  const cut = shown.cut ?? {};
  const fetchAll = async () => {
    setBusy(true);
    try {
      setAll(pick(await api(`${path}${path.includes("?") ? "&" : "?"}preview=${WHOLE}`)));
      setProblem(null);
    } catch (error) {
      setProblem(error.message);
    }
    setBusy(false);
  };
  const names = Object.keys(shown.fields);
  const body = BODY.find((name) => names.includes(name));
  const rest = names.filter((name) => name !== body);
  const isCut = Object.keys(cut).length > 0;
  return html`
    <div class="fields">
      ${body !== undefined && html`
        <div>
          <h3 class="small">Payload</h3>
          <${Value} value=${shown.fields[body]} whole=${cut[body]} block />
        </div>
      `}
      ${rest.length > 0 && html`
        <dl>${rest.map((name) =>
          html`
            <div key=${name}>
              <dt>
                <${Text} value=${name} />
              </dt>
              <dd>
                <${Value} value=${shown.fields[name]} whole=${cut[name]} />
              </dd>
            </div>
          `
        )}
        </dl>
      `}
      ${shown.masked && html`<p class="muted">Values with names of secrets are shown as ***.</p>`}
      ${isCut && all === null && html`
        <button type="button" onClick=${fetchAll} disabled=${busy} aria-busy=${busy}>
          Show all of it (${count(Math.max(...Object.values(cut)))} characters)
        </button>
      `}
      ${problem !== null && html`
        <p role="alert">
          <${Text} value=${problem} />
        </p>
      `}
    </div>
  `;
}

function Value({ value, whole, block = false }) {
  if (Array.isArray(value)) {
    return html`<ol class="values">${
      value.map((one) =>
        html`
          <li>
            <${Value} value=${one} block=${block} />
          </li>
        `
      )
    }</ol>`;
  }
  const isText = typeof value === "string";
  const text = isText ? value : value.base64;
  const note = html`
    ${!isText && html`<span class="muted"> bytes that are no text, in base64</span>`}
    ${whole !== undefined && html`<span class="muted"> … ${count(whole)} characters in all</span>`}
  `;
  if (!block) return html`<bdi class="mono">${visible(text)}</bdi>${note}`;
  return html`
    <pre tabindex="0" role="region" aria-label="Payload"><bdi>${visible(
      isText ? prettyJson(text) : text,
      true,
    )}</bdi></pre>
    ${note}
  `;
}
