/** Where: streams, their groups, their consumers, and who holds what. */
import { html, useEffect, useState } from "./vendor/preact_htm.js";
import { queryOf } from "./api.js";
import { count, counted, duration } from "./format.js";
import { live } from "./live.js";
import { useStore } from "./store.js";
import { Empty, Fault, Heading, Shape, Table, Text, Time, useApi } from "./ui.js";

const PAGE = 50;
const num = (text) => ({ text, num: true });
const STATES = {
  alive: ["flowing", "alive", "Its lease is renewed."],
  expired: ["slow", "lease ran out", "What it holds is taken over soon."],
  fenced: ["stuck", "taken over", "It can settle nothing any more."],
  foreign: ["unknown", "another library", "It has no lease; it is judged by its idle time."],
};

/** The view. */
export function WhereView() {
  const { now } = useStore(live);
  const streams = now?.streams ?? [];
  return html`
    <${Heading} title="Where" />
    ${streams.length === 0
      ? html`<${Empty} title="No figures yet">Streams show here as soon as Redis has answered.<//>`
      : streams.map((one) => html`<${Stream} key=${one.stream} of=${one} />`)}
  `;
}

function Stream({ of }) {
  const { stream, group, length, lag, pending, parked, deadLetters, delayed, trimFloor, groups } = of;
  return html`
    <section class="card">
      <div class="section-head">
        <h2 class="mono">
          <${Text} value=${stream} />
        </h2>
        <span class="muted">${counted(length, "entry").replace("entrys", "entries")} kept</span>
      </div>
      <dl class="facts">
        ${[["Waiting", lag], ["Held", pending], ["Retries", parked], ["Delayed", delayed], [
          "Dead letters",
          deadLetters,
        ]].map(([name, value]) =>
          html`
            <div key=${name}>
              <dt>${name}</dt>
              <dd>${count(value)}</dd>
            </div>
          `
        )}
      </dl>
      <h3>Groups</h3>
      <${Table} label=${`Groups of ${stream}`} head=${[
        "Group",
        num("Consumers"),
        num("Waiting"),
        num("Pending"),
        "Last delivered",
        "Trimming",
      ]}>
        ${groups.map((one) =>
          html`
            <tr key=${one.name}>
              <td class="mono wide"><${Text} value=${one.name} />${" "}${one.name === group &&
                html`<span class="tag">this service</span>`}</td>
              <td class="num">${count(one.name === group ? of.consumerCount : one.consumers)}</td>
              <td class="num">${one.lag === null
                ? html`<span title="Redis cannot tell">unknown</span>`
                : count(one.lag)}</td>
              <td class="num">${count(one.pending)}</td>
              <td class="mono">${one.lastDelivered}</td>
              <td>${one.holdsTrimFloor
                ? html`<span class="tag strong">holds the floor</span>`
                : html`<span class="muted">–</span>`}</td>
            </tr>
          `
        )}
      <//>
      ${trimFloor && html`
        <p
          class="muted">Nothing from <span class="mono">${trimFloor
            .entryId}</span> on is trimmed: the group <b><${Text} value=${trimFloor.group} /></b> still needs it.</p>
      `}
      <${Consumers} stream=${stream} />
    </section>
  `;
}

function Consumers({ stream }) {
  const [from, setFrom] = useState(0);
  const { data, error, reload } = useApi(
    `consumers${queryOf({ stream, cursor: from === 0 ? "" : String(from), limit: PAGE })}`,
    { everyMs: 3_000 },
  );
  // Those of this page may have gone meanwhile.
  const beyond = data !== null && data.items.length === 0 && from > 0;
  useEffect(() => {
    if (beyond) setFrom(0);
  }, [beyond]);
  if (data === null) {
    return error
      ? html`<${Fault} error=${error} onRetry=${reload} />`
      : html`<p class="muted">Asking for the consumers …</p>`;
  }
  const { items, total, next } = data;
  return html`
    <div class="section-head">
      <h3>Consumers</h3>
      ${total > PAGE && html`
        <div class="pager">
          <span class="muted">${count(from + 1)} to ${count(from + items.length)} of ${count(
            total,
          )}, those that hold most first</span>
          <button type="button" disabled=${from === 0} onClick=${() =>
            setFrom(Math.max(0, from - PAGE))}>Previous</button>
          <button type="button" disabled=${next === null} onClick=${() => setFrom(Number(next))}>Next</button>
        </div>
      `}
    </div>
    ${items.length === 0
      ? html`<${Empty} title="No consumer reads this stream">Start a replica with CONSUMER_ENABLED=true.<//>`
      : html`
        <${Table} label=${`Consumers of ${stream}`} head=${[
          "Consumer",
          "State",
          num("Holds"),
          "Since",
          num("Retries"),
          num("Lease left"),
          num("Idle"),
        ]}>
          ${items.map((one) => {
            const [shape, word, why] = STATES[one.state] ?? ["unknown", one.state, ""];
            return html`
              <tr key=${one.name}>
                <td class="mono wide">
                  <${Text} value=${one.name} />
                </td>
                <td class="nowrap" title=${why}><${Shape} name=${shape} /> ${word}</td>
                <td class="num">${count(one.pending)}</td>
                <td>
                  <${Time} iso=${one.holdsSince} ago />
                </td>
                <td class="num">${count(one.parked)}</td>
                <td class="num">${one.state === "alive" ? duration(one.leaseLeftMs) : "–"}</td>
                <td class="num">${duration(one.idleMs)}</td>
              </tr>
            `;
          })}
        <//>
      `}
  `;
}
