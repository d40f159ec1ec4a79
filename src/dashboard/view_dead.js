/** Dead letters: by group, by filter, one by one; given back or deleted, one, several, or all that fit. */
import { html, useEffect, useState } from "./vendor/preact_htm.js";
import { queryOf } from "./api.js";
import { BulkDialog } from "./dead_bulk.js";
import { LetterDetail } from "./dead_letter.js";
import { count, counted } from "./format.js";
import { live } from "./live.js";
import { useStore } from "./store.js";
import { Empty, Fault, Heading, Table, Text, Time, useApi, useSlowly } from "./ui.js";

// Letters come from strangers, too: `constructor` is no reason that we know.
const REASONS = {
  __proto__: null,
  max_deliveries: "failed too often",
  non_retryable: "cannot be retried",
  invalid: "does not fit the schema",
  undecodable: "cannot be read",
  crash_loop: "crashed its process",
};
/** Groups that are shown: the largest. */
const GROUPS = 12;
const FILTERS = ["type", "reason", "error", "text"];
const num = (text) => ({ text, num: true });

/** The view. @param params The filter, or `letter` and `stream`. */
export function DeadView({ params, go }) {
  if (params.letter) {
    return html`<${LetterDetail} key=${`${params.stream}/${params.letter}`} id=${params.letter} stream=${
      params.stream ?? ""
    } go=${go} />`;
  }
  const filter = Object.fromEntries(FILTERS.flatMap((name) => params[name] ? [[name, params[name]]] : []));
  return html`
    <${Heading} title="Dead letters" />
    <${FilterBar} key=${JSON.stringify(filter)} filter=${filter} go=${go} />
    <${Letters} key=${`list ${JSON.stringify(filter)}`} filter=${filter} go=${go} />
  `;
}

function FilterBar({ filter, go }) {
  const [form, setForm] = useState({ type: filter.type ?? "", reason: filter.reason ?? "", text: filter.text ?? "" });
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  const submit = (event) => {
    event.preventDefault();
    go("dead", { ...form, error: filter.error });
  };
  return html`
    <form class="bar" onSubmit=${submit} role="search">
      <label class="grow">Contains <input type="search" value=${form.text} onInput=${set(
        "text",
      )} placeholder="error, type, id or subject" autocomplete="off" /></label>
      <label>Type <input type="text" value=${form.type} onInput=${set(
        "type",
      )} placeholder="any" autocomplete="off" spellcheck="false" /></label>
      <label>Reason <select value=${form.reason} onChange=${set("reason")}>
        <option value="">any</option>
        ${Object.entries(REASONS).map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
      </select></label>
      <button type="submit" class="primary">Filter</button>
      ${Object.keys(filter).length > 0 && html`<button type="button" onClick=${() => go("dead", {})}>Clear</button>`}
    </form>
    ${filter.error && html`<p>Only errors like <span class="error-text"><${Text} value=${filter.error} /></span></p>`}
  `;
}

function Letters({ filter, go }) {
  const [trail, setTrail] = useState([""]);
  const [picked, setPicked] = useState(new Map());
  const [bulk, setBulk] = useState(null);
  const { now } = useStore(live);
  const key = useSlowly(now?.totals.deadLetters ?? 0, 10_000);
  const groups = useApi(`dead-letter-groups${queryOf(filter)}`, { key });
  const list = useApi(`dead-letters${queryOf({ ...filter, limit: 25, cursor: trail.at(-1), preview: 200 })}`, {
    everyMs: 15_000,
    key,
  });
  const reload = () => {
    groups.reload();
    list.reload();
  };
  const items = list.data?.items ?? [];
  // What is gone can be picked no more.
  useEffect(() => {
    if (trail.length > 1 && list.data !== null && items.length === 0 && !list.loading) setTrail(trail.slice(0, -1));
  }, [list.data]);
  // Both at once: what comes later would move what a person is about to press.
  if (list.data === null || (groups.data === null && groups.error === null)) {
    return list.error
      ? html`<${Fault} error=${list.error} onRetry=${reload} />`
      : html`<p class="muted">Asking for the dead letters …</p>`;
  }
  const filtered = Object.keys(filter).length > 0;
  if (items.length === 0 && trail.length === 1 && list.data.next === null) {
    return filtered ? html`<${Empty} title="No dead letter fits">Clear the filter to see all of them.<//>` : html`
      <${Empty}
        title="No dead letters">An event that fails ${"too"} often, or that can never succeed, is kept here with its error until somebody replays or deletes it.<//>
    `;
  }
  const all = groups.data;
  const close = (changed) => {
    setBulk(null);
    if (!changed) return;
    setPicked(new Map());
    reload();
  };
  const toggle = (letter, on) => {
    const next = new Map(picked);
    if (on) next.set(keyOf(letter), letter);
    else next.delete(keyOf(letter));
    setPicked(next);
  };
  return html`
    <${Groups} data=${all} error=${groups.error} go=${go} filter=${filter} />
    <div class="section-head">
      <h2>Letters</h2>
      <div class="buttons">
        <button type="button" onClick=${() => setBulk({ action: "replay", filter })}>Replay all ${filtered
          ? "that fit"
          : ""} …</button>
        <button type="button" class="danger" onClick=${() =>
          setBulk({ action: "delete", filter })}>Delete all ${filtered ? "that fit" : ""} …</button>
      </div>
    </div>
    ${picked.size > 0 && html`
      <div class="selection" role="group" aria-label="What to do with the selected letters">
        <span>${counted(picked.size, "letter")} selected</span>
        <button type="button" class="primary" onClick=${() =>
          setBulk({ action: "replay", letters: [...picked.values()] })}>Replay selected …</button>
        <button type="button" class="danger" onClick=${() =>
          setBulk({ action: "delete", letters: [...picked.values()] })}>Delete selected …</button>
        <button type="button" onClick=${() => setPicked(new Map())}>Select none</button>
      </div>
    `}
    <${Table} label="Dead letters" className="letters" head=${[
      { text: "Selected", hidden: true },
      "Given up on",
      "Type",
      "Error",
      num("Attempts"),
      num("Replays"),
    ]}>
      ${items.map((one) =>
        html`
          <tr key=${keyOf(one)}>
            <td><input type="checkbox" checked=${picked.has(keyOf(one))} disabled=${!picked.has(keyOf(one)) &&
              picked.size >= 500}
              onChange=${(event) =>
                toggle(one, event.target.checked)} aria-label=${`Select the letter of ${one.entryId}`} /></td>
            <td class="nowrap"><a href=${`#/dead${queryOf({ letter: one.id, stream: one.stream })}`}><${Time} iso=${one
              .time} /></a></td>
            <td class="mono wide">
              <${Text} value=${one.type ?? "undecodable"} />
            </td>
            <td
              class="error-text"><span class="tag"><${Text} value=${REASONS[one.reason] ??
                one.reason} /></span> <${Text} value=${one
                .error.slice(0, 300)} /></td>
            <td class="num">${count(one.deliveries)}</td>
            <td class="num">${count(one.replays)}</td>
          </tr>
        `
      )}
    <//>
    ${items.length === 0 && html`<p class="muted">None among those looked at so far; there are older ones.</p>`}
    <div class="pager">
      <button type="button" disabled=${trail.length === 1} onClick=${() => setTrail(trail.slice(0, -1))}>Newer</button>
      <button type="button" disabled=${list.data.next === null} onClick=${() =>
        setTrail([...trail, list.data.next])}>Older</button>
      <span class="muted">Page ${trail.length}, newest first</span>
    </div>
    ${bulk && html`<${BulkDialog} ...${bulk} onClose=${close} />`}
  `;
}

function Groups({ data, error, go, filter }) {
  if (data === null) return error ? html`<${Fault} error=${error} />` : html`<p class="muted">Counting …</p>`;
  const { items, scanned, total, complete, matched } = data;
  const more = data.more + Math.max(0, items.length - GROUPS);
  return html`
    <section>
      <div class="section-head">
        <h2>By type and error</h2>
        <span class="muted">${complete
          ? `${counted(matched, "letter")}`
          : `${counted(matched, "letter")} of the newest ${count(scanned)}; there are ${count(total)}`}${more > 0
          ? `, ${counted(more, "smaller group")} not shown`
          : ""}</span>
      </div>
      <${Table} label="Dead letters by type and error" head=${[num("Letters"), "Type", "Error", "First", "Last"]}>
        ${items.slice(0, GROUPS).map((one) =>
          html`
            <tr key=${`${one.type}/${one.reason}/${one.error}`}>
              <td class="num"><b>${count(one.count)}</b></td>
              <td class="mono wide">
                <${Text} value=${one.type ?? "undecodable"} />
              </td>
              <td class="error-text">
                <button type="button" class="link" onClick=${() =>
                  go("dead", { ...filter, type: one.type, reason: one.reason, error: one.error })}>
                  <${Text} value=${one.error || REASONS[one.reason] || one.reason} />
                </button>
              </td>
              <td class="nowrap">
                <${Time} iso=${one.first} />
              </td>
              <td class="nowrap">
                <${Time} iso=${one.last} />
              </td>
            </tr>
          `
        )}
      <//>
    </section>
  `;
}

function keyOf({ stream, id }) {
  return `${stream}/${id}`;
}
