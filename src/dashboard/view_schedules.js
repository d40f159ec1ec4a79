/** Schedules: what came last, what comes next, and one more now. */
import { html, useState } from "./vendor/preact_htm.js";
import { duration } from "./format.js";
import { Empty, Fault, Heading, perform, Table, Text, Time, useApi } from "./ui.js";

/** The view. */
export function SchedulesView() {
  const { data, error, reload } = useApi("schedules", { everyMs: 2_000 });
  const [busy, setBusy] = useState(null);
  const run = async (name) => {
    setBusy(name);
    await perform(`schedules/${encodeURIComponent(name)}/run`, {}, ({ eventId }) => `Published ${eventId}.`);
    setBusy(null);
    reload();
  };
  return html`
    <${Heading} title="Schedules" />
    <p class="muted">Each occurrence is published once, however many replicas run, by the clock of Redis.</p>
    ${data === null
      ? error
        ? html`<${Fault} error=${error} onRetry=${reload} />`
        : html`<p class="muted">Asking for the schedules …</p>`
      : data.items.length === 0
      ? html`<${Empty} title="No schedules">Export what defineSchedule() returns from handlers/ to have one.<//>`
      : html`
        <${Table} label="Schedules" head=${["Schedule", "When", "Publishes", "Last", "Next", {
          text: "Run",
          hidden: true,
        }]}>
          ${data.items.map((one) =>
            html`
              <tr key=${one.name}>
                <td class="mono wide">
                  <${Text} value=${one.name} />
                </td>
                <td class="nowrap">${one.cron
                  ? html`<span class="mono"><${Text} value=${one.cron} /></span>`
                  : `every ${duration(one.everyMs)}`}</td>
                <td class="mono wide">
                  <${Text} value=${one.type} />
                </td>
                <td class="nowrap">
                  <${Time} iso=${one.last} />
                </td>
                <td class="nowrap">
                  <${Time} iso=${one.next} />
                </td>
                <td
                  class="num act"><button type="button" disabled=${busy === one.name} onClick=${() =>
                    run(one.name)} aria-label=${`Run now: ${one.name}`}>Run now</button></td>
              </tr>
            `
          )}
        <//>
      `}
  `;
}
