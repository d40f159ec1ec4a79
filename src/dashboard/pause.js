/** One button: pause, or resume. */
import { html, useState } from "./vendor/preact_htm.js";
import { counted } from "./format.js";
import { live } from "./live.js";
import { useStore } from "./store.js";
import { Confirm, perform } from "./ui.js";

/** Asks before it pauses: that stops the work of every replica. */
export function PauseButton() {
  const { now } = useStore(live);
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const paused = (now?.pausedSince ?? null) !== null;
  const change = async (verb) => {
    setAsking(false);
    setBusy(true);
    await perform(`consumer/${verb}`, {}, () => verb === "pause" ? "Paused the group." : "The group goes on.");
    setBusy(false);
  };
  if (now === null) return null;
  return html`
    ${paused
      ? html`<button type="button" class="primary" disabled=${busy} onClick=${() =>
        change("resume")}>Resume handling</button>`
      : html`<button type="button" disabled=${busy} onClick=${() => setAsking(true)}>Pause handling …</button>`}
    ${asking && html`
      <${Confirm} title="Pause handling" action="Pause the group" danger onCancel=${() =>
        setAsking(false)} onConfirm=${() => change("pause")}>
        <p>No replica of this group starts another event until somebody resumes it. ${counted(
          now.totals.pending,
          "event",
        )} held now: what runs is finished, the rest waits, and so do retries. Publishing and schedules go on.</p>
        <//>
    `}
  `;
}
