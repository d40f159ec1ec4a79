/** Find an event by entry id, event id, subject or trace: its place, its history, its payload. */
import { html, useEffect, useState } from "./vendor/preact_htm.js";
import { api, queryOf } from "./api.js";
import { counted, duration, since, visible } from "./format.js";
import { Fields, PREVIEW } from "./fields.js";
import { Empty, Fault, Heading, Shape, Table, Text, Time, useApi } from "./ui.js";

const KINDS = [["entry", "Entry id"], ["id", "Event id"], ["subject", "Subject"], ["trace", "Trace or correlation"], [
  "type",
  "Type",
]];
const ENTRY_ID = /^\d+-\d+$/;
const HELP = {
  entry: "What Redis calls it: milliseconds-sequence, such as 1717171717171-0",
  id: "The event's own id. Streams have no index: the newest entries are looked through first",
  subject: "The ordering key of the event",
  trace: "A trace id of 32 digits, a whole traceparent, or the X-Correlation-ID of the request that published it",
  type: "The latest events of one type",
};

/** The view. @param params `by` and `q`. */
export function FindView({ params, go }) {
  const given = KINDS.some(([value]) => value === params.by) ? params.by : "entry";
  const [by, setBy] = useState(given);
  const [text, setText] = useState(params.q ?? "");
  useEffect(() => {
    setBy(given);
    setText(params.q ?? "");
  }, [given, params.q]);
  const submit = (event) => {
    event.preventDefault();
    const q = text.trim();
    if (q === "") return;
    go("find", { by: by === "entry" && !ENTRY_ID.test(q) ? "id" : by, q });
  };
  const asked = (params.q ?? "") !== "";
  return html`
    <${Heading} title="Find an event" />
    <form class="bar" onSubmit=${submit} role="search">
      <label>By <select value=${by} onChange=${(event) => setBy(event.target.value)}>
        ${KINDS.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}
      </select></label>
      <label class="grow"><span class="sr">${KINDS.find(([value]) => value === by)[1]}</span>
        <input type="search" value=${text} onInput=${(event) =>
          setText(event.target.value)} aria-describedby="find-help"
          autocomplete="off" spellcheck="false" placeholder=${by === "entry" ? "1717171717171-0" : ""} /></label>
      <button type="submit" class="primary">Find</button>
    </form>
    <p class="muted" id="find-help">${HELP[by]}.</p>
    ${!asked
      ? html`
        <${Empty}
          title="Which event?">Paste an id from a log line: every line of a handler carries the entry id, and every request its correlation id.<//>
      `
      : given === "entry"
      ? html`<${PlaceOf} key=${params.q} entryId=${params.q} stream=${params.stream ?? ""} />`
      : html`<${Results} key=${`${given}/${params.q}`} by=${given} q=${params.q} />`}
  `;
}

/** One event: where it is, what happened to it, what is in it. */
function PlaceOf({ entryId, stream }) {
  const path = `events/${encodeURIComponent(entryId)}${queryOf({ stream, preview: PREVIEW })}`;
  // What is over is not asked about again: to be sure of it, thousands of dead letters are looked through.
  const [over, setOver] = useState(false);
  const { data, error, reload } = useApi(path, { everyMs: over ? null : 2_000 });
  const state = data?.state ?? null;
  useEffect(() => {
    if (state !== null) setOver(["done", "dead", "trimmed"].includes(state));
  }, [state]);
  if (data === null) {
    if (error?.status === 404) {
      return html`<${Empty} title="There is no such entry">No stream of this service has, or had, an entry of this id.<//>`;
    }
    return error ? html`<${Fault} error=${error} onRetry=${reload} />` : html`<p class="muted">Looking …</p>`;
  }
  const { event, letter, errors = [], attempts } = data;
  return html`
    <article class="card">
      <div class="section-head">
        <h2><span class=${`state-word state-${data.state}`}>${data.state}</span> <span class="mono">${data
          .entryId}</span></h2>
        <span class="muted mono"><${Text} value=${data.stream} /></span>
      </div>
      <p class="lead">${visible(sentenceOf(data))}</p>
      ${attempts > 0 && html`
        <h3>History</h3>
        <ul class="plain-list">
          <li>${counted(attempts, "attempt")} failed, first <${Time} iso=${data
            .firstFailure} ago />, last <${Time} iso=${data.lastFailure} ago />
            ${data.replays > 0 ? html`; replayed ${counted(data.replays, "time")}` : ""}</li>
          ${errors.map((one) =>
            html`<li><${Shape} name="down" /> <span class="error-text"><${Text} value=${one.message} lines /></span>
              ${one.time && html`<span class="muted"><${Time} iso=${one.time} ago /></span>`}</li>`
          )}
        </ul>
      `}
      ${letter &&
        html`<p><a href=${`#/dead${
          queryOf({ letter: letter.id, stream: letter.stream })
        }`}>Open the dead letter</a></p>`}
      <h3>Content</h3>
      ${event !== null &&
        html`<p class="muted"><span class="mono"><${Text} value=${
          event.type ?? "no type"
        } /></span>, <${Time} iso=${event.time} ago /></p>`}
      <${Fields} item=${event ?? letter ?? null} path=${`events/${encodeURIComponent(entryId)}${
        queryOf({ stream: data.stream })
      }`}
        pick=${(answer) => answer.event ?? answer.letter} />
    </article>
  `;
}

function sentenceOf(place) {
  const replay = place.replay ? " It was given back from the dead letters." : "";
  switch (place.state) {
    case "waiting":
      return `No consumer has read it yet. It was added ${since(place.since)} ago.${replay}`;
    case "held": {
      const lease = place.leaseLeftMs === null ? "" : `, whose lease has ${duration(place.leaseLeftMs)} left`;
      return `The consumer ${place.owner} has had it for ${since(place.since)}${lease}.${replay}`;
    }
    case "parked":
      return place.until === null || place.until === undefined
        ? `It was handed back and is tried again at once.${replay}`
        : `It failed and is tried again ${
          Date.parse(place.until) > Date.now() ? `in ${since(place.until)}` : "now"
        }.${replay}`;
    case "dead":
      return `It was given up on ${since(place.since)} ago (${place.reason}).`;
    case "done":
      return place.certain === false
        ? "The group has finished with it; or it is a dead letter that lies too far back to be found."
        : "The group has finished with it.";
    default:
      return place.delivered
        ? "It is no longer in the stream. The group had got past it before it was trimmed or deleted."
        : "It is no longer in the stream, and the group had not read it: it was deleted or trimmed by hand.";
  }
}

function Results({ by, q }) {
  const [pages, setPages] = useState([]);
  const [next, setNext] = useState(null);
  const [state, setState] = useState({ busy: true, error: null });
  const load = async (cursor) => {
    setState({ busy: true, error: null });
    try {
      const page = await api(`search${queryOf({ [by]: q, limit: 25, cursor, preview: 200 })}`);
      setPages((before) => [...before, page]);
      setNext(page.next);
      setState({ busy: false, error: null });
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  useEffect(() => {
    load(null);
  }, []);
  const items = pages.flatMap((page) => page.items);
  const letters = pages.flatMap((page) => page.letters);
  const searchedTo = pages.at(-1)?.searchedTo ?? null;
  return html`
    <div aria-live="polite">
      <p class="muted">${state.busy
        ? "Looking, newest first …"
        : `Found ${counted(items.length, "event")}${
          letters.length > 0 ? ` and ${counted(letters.length, "dead letter")}` : ""
        }. `}
      ${!state.busy &&
        (searchedTo === null
          ? "All that is kept was looked through."
          : html`Looked back to <${Time} iso=${searchedTo} />.`)}</p>
    </div>
    ${state.error && html`<${Fault} error=${state.error} onRetry=${() => load(next)} />`}
    ${items.length > 0 && html`
      <${Table} label="Events found" head=${["Entry", "Type", "Event id", "Subject", "Time"]}>
        ${items.map((one) =>
          html`
            <tr key=${`${one.stream}/${one.entryId}`}>
              <td class="mono"><a href=${`#/find${queryOf({ by: "entry", q: one.entryId, stream: one.stream })}`}>${one
                .entryId}</a></td>
              <td class="mono wide">
                <${Text} value=${one.type ?? "undecodable"} />
              </td>
              <td class="mono wide">
                <${Text} value=${one.id ?? "–"} />
              </td>
              <td class="mono wide">
                <${Text} value=${one.subject ?? "–"} />
              </td>
              <td class="nowrap">
                <${Time} iso=${one.time} />
              </td>
            </tr>
          `
        )}
      <//>
    `}
    ${letters.length > 0 && html`
      <h2>Dead letters</h2>
      <${Table} label="Dead letters found" head=${["Letter of", "Type", "Error", "Given up on"]}>
        ${letters.map((one) =>
          html`
            <tr key=${`${one.stream}/${one.id}`}>
              <td class="mono"><a href=${`#/dead${queryOf({ letter: one.id, stream: one.stream })}`}>${visible(
                one.entryId,
              )}</a></td>
              <td class="mono wide">
                <${Text} value=${one.type ?? "undecodable"} />
              </td>
              <td class="error-text">
                <${Text} value=${one.error} />
              </td>
              <td class="nowrap">
                <${Time} iso=${one.time} />
              </td>
            </tr>
          `
        )}
      <//>
    `}
    ${!state.busy && items.length === 0 && letters.length === 0 && !state.error && html`
      <${Empty} title="Nothing found">${searchedTo === null
        ? "No event that is kept fits. It may have been trimmed."
        : "Not among the newest events. Older ones can be looked through too."}<//>
    `}
    ${next !== null && !state.busy &&
      html`<button type="button" onClick=${() => load(next)}>Look further back</button>`}
  `;
}
