/** Controls: pause and resume, publish a test event; and what was done by hand lately. */
import { html, useState } from "./vendor/preact_htm.js";
import { queryOf } from "./api.js";
import { PauseButton } from "./pause.js";
import { live } from "./live.js";
import { useStore } from "./store.js";
import { AuditText, Empty, Fault, Heading, perform, Time, useApi } from "./ui.js";

/** The view. */
export function ControlsView() {
  return html`
    <${Heading} title="Controls" />
    <div class="columns">
      <${Handling} />
      <${TestEvent} />
    </div>
    <${Audit} />
  `;
}

function Handling() {
  const { now } = useStore(live);
  const paused = now?.pausedSince ?? null;
  return html`
    <section class="card">
      <h2>Handling</h2>
      <p>${paused
        ? html`The group has been paused since <${Time} iso=${paused} ago />.`
        : "A pause concerns the whole group: every stream and every replica. What runs is finished; what waits, waits. Publishing and schedules go on."}</p>
      <${PauseButton} />
    </section>
  `;
}

function TestEvent() {
  const [data, setData] = useState('{ "hello": "world" }');
  const [subject, setSubject] = useState("");
  const [problem, setProblem] = useState(null);
  const [published, setPublished] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    let value;
    try {
      value = data.trim() === "" ? undefined : JSON.parse(data);
      setProblem(null);
    } catch (error) {
      setProblem(`The data is no JSON: ${error.message}`);
      return;
    }
    const body = { ...(value === undefined ? {} : { data: value }), ...(subject === "" ? {} : { subject }) };
    setPublished(await perform("test-event", { body }, ({ eventId }) => `Published test.manual ${eventId}.`));
  };
  return html`
    <section class="card">
      <h2>Test event</h2>
      <form onSubmit=${submit} class="stack">
        <label>Data, JSON <textarea rows="4" value=${data} onInput=${(event) =>
          setData(event.target.value)} spellcheck="false"
          aria-invalid=${problem !== null} aria-describedby="test-problem"></textarea></label>
        <p id="test-problem" role="alert" class="bad-text">${problem}</p>
        <label>Subject, optional <input type="text" value=${subject} onInput=${(event) =>
          setSubject(event.target.value)} autocomplete="off" /></label>
        <div class="buttons">
          <button type="submit" class="primary">Publish test.manual</button>
          ${published?.entryId &&
            html`<a href=${`#/find${queryOf({ by: "entry", q: published.entryId })}`}>Follow it</a>`}
        </div>
      </form>
    </section>
  `;
}

function Audit() {
  const { data, error, reload } = useApi("audit", { everyMs: 5_000 });
  return html`
    <section>
      <div class="section-head"><h2>Done by hand</h2><span class="muted">through this replica since it started; the audit log has all</span></div>
      ${data === null
        ? error ? html`<${Fault} error=${error} onRetry=${reload} />` : null
        : data.items.length === 0
        ? html`
          <${Empty}
            title="Nothing yet">Every change that is made here, or over the admin API, leaves a line in the audit log.<//>
        `
        : html`<ul class="plain-list">${
          data.items.slice(0, 50).map((line) =>
            html`
              <li key=${`${line.correlationId}${line.time}`}>
                <${AuditText} line=${line} />
              </li>
            `
          )
        }</ul>`}
    </section>
  `;
}
