/** One dead letter: why, when, what was in it; give it back or delete it. */
import { html, useState } from "./vendor/preact_htm.js";
import { queryOf } from "./api.js";
import { counted } from "./format.js";
import { Fields, PREVIEW } from "./fields.js";
import { Confirm, Empty, Fault, Heading, perform, Text, Time, useApi } from "./ui.js";

/** @param id Of the letter. @param go Shows another view. */
export function LetterDetail({ id, stream, go }) {
  const path = `dead-letters/${encodeURIComponent(id)}${queryOf({ stream })}`;
  const { data, error, reload } = useApi(`${path}${path.includes("?") ? "&" : "?"}preview=${PREVIEW}`);
  const [asking, setAsking] = useState(null);
  const back = html`<p><a href="#/dead">All dead letters</a></p>`;
  if (data === null) {
    if (error?.status === 404) {
      return html`
        <${Heading} title="Dead letter" />${back}<${Empty}
          title="This letter is gone">It was replayed, deleted or trimmed.<//>
      `;
    }
    return html`<${Heading} title="Dead letter" />${
      error ? html`<${Fault} error=${error} onRetry=${reload} />` : html`<p class="muted">Looking …</p>`
    }`;
  }
  const confirm = async () => {
    const replay = asking === "replay";
    setAsking(null);
    const target = `dead-letters/${encodeURIComponent(id)}${replay ? "/replay" : ""}${
      queryOf({ stream: data.stream })
    }`;
    const done = await perform(
      target,
      { method: replay ? "POST" : "DELETE" },
      () => replay ? `Gave ${data.entryId} back to its group.` : `Deleted the letter of ${data.entryId}.`,
    );
    if (done === null) return;
    if (replay) go("find", { by: "entry", q: data.entryId, stream: data.stream });
    else go("dead", {});
  };
  const facts = [
    [
      "Event",
      html`<a class="mono" href=${`#/find${
        queryOf({ by: "entry", q: data.entryId, stream: data.stream })
      }`}><${Text} value=${data.entryId} /></a>`,
    ],
    ["Stream", html`<span class="mono"><${Text} value=${data.stream} /></span>`],
    ["Reason", html`<span class="mono"><${Text} value=${data.reason} /></span>`],
    ["Attempts", `${counted(data.deliveries, "attempt")} counted`],
    ["First attempt", html`<${Time} iso=${data.first} />`],
    ["Given up on", html`<${Time} iso=${data.time} ago />`],
    ["Consumer", html`<span class="mono"><${Text} value=${data.consumer ?? "–"} /></span>`],
    ["Replayed", counted(data.replays, "time")],
  ];
  return html`
    <${Heading} title="Dead letter">
      <div class="buttons">
        <button type="button" class="primary" onClick=${() => setAsking("replay")}>Replay …</button>
        <button type="button" class="danger" onClick=${() => setAsking("delete")}>Delete …</button>
      </div>
    <//>
    ${back}
    <article class="card">
      <h2 class="mono"><${Text} value=${data.type ?? "undecodable"} /></h2>
      <pre class="error-block" tabindex="0" role="region" aria-label="Error"><${Text} value=${data.error ||
        data.reason} lines /></pre>
      <dl class="facts">${facts.map(([name, value]) =>
        html`
          <div key=${name}>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>
        `
      )}</dl>
      <${Fields} item=${data} path=${path} />
    </article>
    ${asking && html`
      <${Confirm} title=${asking === "replay"
        ? "Replay this letter"
        : "Delete this letter"} danger=${asking === "delete"}
        action=${asking === "replay" ? "Replay 1 letter" : "Delete 1 letter"} onCancel=${() =>
          setAsking(null)} onConfirm=${confirm}>
        <p>${asking === "replay"
          ? "This gives the event back to this group, once and with a fresh budget of attempts. Other groups see nothing of it."
          : "This deletes the letter for good. It cannot be undone."}</p>
        <//>
    `}
  `;
}
