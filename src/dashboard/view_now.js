/** Now: figures, charts, handlers, and what died lately. */
import { html, useEffect, useMemo, useState } from "./vendor/preact_htm.js";
import { queryOf } from "./api.js";
import { Chart, COUNTS, TIMES } from "./charts.js";
import { count, duration, rate, short, shortSeconds, time, visible } from "./format.js";
import { live } from "./live.js";
import { useStore } from "./store.js";
import { Empty, Fault, Heading, Table, Text, Time, useApi, useSlowly } from "./ui.js";

const WINDOWS = [[5, "5 min"], [15, "15 min"], [30, "30 min"], [60, "1 h"], [180, "3 h"], [360, "6 h"]];
const SECONDS = (value) => value === null ? "–" : duration(value * 1_000);
const MILLIS = (value) => duration(value);
const PER_SECOND = (value) => value === null ? "–" : `${rate(value)}/s`;

/** The view. */
export function NowView() {
  const [minutes, setMinutes] = useState(5);
  const everyMs = minutes <= 30 ? 5_000 : 30_000;
  const painted = useFiguresPainted();
  const { data, error, reload } = useApi(`history?minutes=${minutes}`, { everyMs });
  return html`
    <${Heading} title="Now" />
    <${Figures} />
    <section aria-label="Charts">
      <${ChartHead} minutes=${minutes} onMinutes=${setMinutes} />
      ${error && data === null ? html`<${Fault} error=${error} onRetry=${reload} />` : null}
      ${data !== null && painted && html`<${Charts} data=${data} minutes=${minutes} />`}
    </section>
    <div class="columns">
      <${Handlers} data=${data} minutes=${minutes} />
      <${LatelyDead} />
    </div>
  `;
}

/** Charts take longer to load and to draw than figures, which nobody should wait for. */
function useFiguresPainted() {
  const { now } = useStore(live);
  const [painted, set] = useState(false);
  const known = now !== null;
  useEffect(() => {
    if (!known) return;
    const begin = () => {
      // The module of the charts may not have come.
      timer = setTimeout(() => set(globalThis.uPlot !== undefined), 30);
    };
    let timer = null;
    if (globalThis.uPlot === undefined) addEventListener("load", begin, { once: true });
    else begin();
    return () => {
      removeEventListener("load", begin);
      clearTimeout(timer);
    };
  }, [known]);
  return painted;
}

function ChartHead({ minutes, onMinutes }) {
  return html`
    <div class="section-head">
      <h2>Over time</h2>
      <fieldset class="segments">
        <legend class="sr">Length of time</legend>
        ${WINDOWS.map(([value, label]) =>
          html`
            <label key=${value}>
              <input type="radio" name="minutes" value=${value} checked=${value === minutes} onChange=${() =>
                onMinutes(value)} />
              <span>${label}</span>
            </label>
          `
        )}
      </fieldset>
    </div>
  `;
}

/** The numbers of this moment. */
function Figures() {
  const { now } = useStore(live);
  const { totals, rates, asOf } = now ?? {};
  const known = asOf !== null && asOf !== undefined;
  const figure = (label, value, note) =>
    html`
      <div class="figure" key=${label}>
        <dt>${label}</dt>
        <dd>${known ? value : "–"}<span class="note">${note}</span></dd>
      </div>
    `;
  return html`
    <dl class="figures" aria-label="Figures of this moment">
      ${figure("In", rate(rates?.in), "events a second")}
      ${figure("Out", rate(rates?.out), "events a second")}
      ${figure("Waiting", count(totals?.lag), "not yet read")}
      ${figure("Held", count(totals?.pending), "by consumers")}
      ${figure("Retries", count(totals?.parked), totals?.due ? `${count(totals.due)} due` : "parked")}
      ${figure("Oldest", totals?.oldestAgeSeconds ? duration(totals.oldestAgeSeconds * 1_000) : "–", "not finished")}
      <div class="figure"><dt>Dead letters</dt><dd>
        ${known ? html`<a href="#/dead">${count(totals?.deadLetters)}</a>` : "–"}<span class="note">given up on</span>
      </dd></div>
    </dl>
  `;
}

function Charts({ data, minutes }) {
  const [zoomed, setZoomed] = useState(false);
  const [reset, setReset] = useState(0);
  const [type, setType] = useState("");
  const times = useMemo(() => {
    const from = Date.parse(data.from) / 1_000;
    return (data.series.in ?? []).map((_, at) => from + (at + 0.5) * data.stepMs / 1_000);
  }, [data]);
  const of = data.series;
  const handler = data.handlers.find((one) => one.type === type && one.series) ??
    data.handlers.find((one) => one.series);
  const nothing = times.map(() => null);
  const quantile = (name) => handler?.series?.[name] ?? nothing;
  const common = { times, reset: `${reset}/${minutes}`, onZoom: setZoomed };
  const line = (label, values, color, dash) => ({ label, values: values ?? nothing, color, dash });
  const first = Date.parse(data.startedAt);
  return html`
    <p class="muted chart-note">
      ${first > Date.parse(data.from) ? `This replica has been watching since ${time(data.startedAt)}. ` : ""}
      Drag to zoom, arrow keys to read.
      ${zoomed && html`
        <button type="button" class="link" onClick=${() => setReset(reset + 1)}>Show the whole time</button>
      `}
    </p>
    <div class="charts">
      <${Chart} ...${common} title="Throughput" note="events a second" format=${PER_SECOND} axis=${short}
        series=${[line("in", of.in, "accent"), line("out", of.out, "second", [6, 4])]} />
      <${Chart} ...${common} title="Backlog" note="events" steps=${COUNTS} format=${count} axis=${short}
        series=${[
          line("waiting", of.lag, "accent"),
          line("held", of.pending, "second", [6, 4]),
          line("retries", of.parked, "third", [2, 3]),
        ]} />
      <${Chart} ...${common} title="Oldest event" note="not finished" steps=${TIMES} format=${SECONDS}
        axis=${shortSeconds}
        series=${[line("age", of.oldestAgeSeconds, "accent")]} />
      <${Chart} ...${common} title="Handler time" note=${handler
        ? visible(handler.type)
        : "this replica"} format=${MILLIS}
        series=${[
          line("p50", quantile("p50"), "accent"),
          line("p95", quantile("p95"), "second", [6, 4]),
          line("p99", quantile("p99"), "third", [2, 3]),
        ]} />
      <${Chart} ...${common} title="Failures" note="attempts a second, this replica" format=${PER_SECOND}
        axis=${short}
        series=${[line("failed", of.failed, "bad"), line("given up on", of.dead_lettered, "third", [2, 3])]} />
      <${Chart} ...${common} title="Dead letters" note="kept" steps=${COUNTS} format=${count}
        axis=${short}
        series=${[line("letters", of.deadLetters, "bad")]} />
    </div>
    <div class="chart-tools">
      ${data.handlers.length > 1 && html`
        <label>Handler time of <select value=${handler?.type} onChange=${(event) => setType(event.target.value)}>
          ${data.handlers.filter((one) => one.series).map((one) =>
            html`<option key=${one.type} value=${one.type}>${visible(one.type)}</option>`
          )}
        </select></label>
      `}
      <${AsTable} times=${times} of=${of} />
    </div>
  `;
}

/** The same as numbers, for whoever cannot use the charts. */
function AsTable({ times, of }) {
  const [open, setOpen] = useState(false);
  const columns = [
    ["in", "In/s", rate],
    ["out", "Out/s", rate],
    ["lag", "Waiting", count],
    ["pending", "Held", count],
    ["parked", "Retries", count],
    ["oldestAgeSeconds", "Oldest", SECONDS],
    ["failed", "Failed/s", rate],
    ["deadLetters", "Dead letters", count],
  ];
  return html`
    <details onToggle=${(event) => setOpen(event.target.open)}>
      <summary>The charts as a table</summary>
      ${open && html`
        <${Table} label="The charts as a table" head=${["Time", ...columns.map(([, text]) => ({ text, num: true }))]}>
          ${times.map((seconds, at) =>
            html`
              <tr key=${seconds}><td>${time(new Date(seconds * 1_000).toISOString())}</td>
                ${columns.map(([name, , format]) =>
                  html`<td class="num" key=${name}>${format(of[name]?.[at] ?? null)}</td>`
                )}
              </tr>
            `
          ).reverse()}
        <//>
      `}
    </details>
  `;
}

function Handlers({ data, minutes }) {
  const num = (text) => ({ text, num: true });
  return html`
    <section>
      <div class="section-head"><h2>Handlers</h2><span class="muted">this replica, ${WINDOWS.find(([value]) =>
        value === minutes
      )[1]}</span></div>
      ${data === null || data.handlers.length === 0
        ? html`
          <${Empty}
            title="Nothing was handled in this time">Times of handlers stand here as soon as this replica has run one.<//>
        `
        : html`
          <${Table} label="Handlers" head=${[
            "Type",
            num("Attempts"),
            num("Failed"),
            num("p50"),
            num("p95"),
            num("p99"),
          ]}>
            ${data.handlers.map((one) =>
              html`
                <tr key=${one.type}>
                  <td class="mono wide">
                    <${Text} value=${one.type} />
                  </td>
                  <td class="num">${count(one.count)}</td>
                  <td class=${one.failed > 0 ? "num bad-text" : "num"}>${count(one.failed)}</td>
                  <td class="num">${duration(one.p50)}</td>
                  <td class="num">${duration(one.p95)}</td>
                  <td class="num">${duration(one.p99)}</td>
                </tr>
              `
            )}
          <//>
        `}
    </section>
  `;
}

function LatelyDead() {
  const { now } = useStore(live);
  const letters = now?.totals.deadLetters ?? 0;
  // Counting looks at thousands of letters: only where there are others than before.
  const { data } = useApi(letters > 0 ? "dead-letter-groups" : null, { key: useSlowly(letters, 15_000) });
  const groups = letters > 0 ? [...data?.items ?? []].sort((a, b) => a.last < b.last ? 1 : -1).slice(0, 6) : [];
  return html`
    <section>
      <div class="section-head"><h2>What died lately</h2>${groups.length > 0 &&
        html`<a href="#/dead">All dead letters</a>`}</div>
      ${groups.length === 0
        ? html`<${Empty} title="No dead letters">Events that are given up on are kept and show here, with the reason.<//>`
        : html`<ul class="plain-list">${
          groups.map((one) =>
            html`
              <li key=${`${one.type}/${one.reason}/${one.error}`}>
                <a href=${`#/dead${queryOf({ type: one.type, reason: one.reason, error: one.error })}`}>
                  <b>${count(one.count)}</b> × <span class="mono"><${Text} value=${one.type ?? "undecodable"} /></span>
                </a>
                <span class="error-text"><${Text} value=${one.error || one.reason} /></span>
                <span class="muted"><${Time} iso=${one.last} ago /></span>
              </li>
            `
          )
        }
          </ul>`}
    </section>
  `;
}
