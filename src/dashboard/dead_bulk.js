/** Asks once before dead letters are given back or deleted, with the number from a dry run, and does it part by part. */
import { html, useEffect, useRef, useState } from "./vendor/preact_htm.js";
import { act, api } from "./api.js";
import { count, counted } from "./format.js";
import { refresh } from "./live.js";
import { Confirm, notify } from "./ui.js";

const PATH = "dead-letters/bulk";

/** @param letters Those that were picked; else all that fit `filter`. @param onClose Told at the end whether something was done, or may have been. */
export function BulkDialog({ action, letters, filter, onClose }) {
  const [dry, setDry] = useState(null);
  const [busy, setBusy] = useState(null);
  const stopped = useRef(false);
  const what = letters === undefined ? filter : { letters: letters.map(({ id, stream }) => ({ id, stream })) };
  const verb = action === "replay" ? "Replay" : "Delete";

  useEffect(() => {
    api(PATH, { method: "POST", body: { action, dryRun: true, ...what } }).then(setDry, (error) => {
      if (stopped.current) return;
      notify({ text: error.message, bad: true });
      onClose(false);
    });
  }, []);

  // The dialog goes first: what is told stands outside of it.
  const tell = (notice) => {
    onClose(true);
    notify(notice);
    refresh();
  };
  const run = async () => {
    const total = { replayed: 0, deleted: 0, matched: 0 };
    let [cursor, line] = [null, null];
    setBusy(`${verb === "Replay" ? "Replaying" : "Deleting"} …`);
    try {
      do {
        const more = letters === undefined ? { until: dry.until, cursor } : {};
        const { result, line: latest } = await act(PATH, { body: { action, ...what, ...more } });
        for (const name of Object.keys(total)) total[name] += result[name];
        line = latest ?? line;
        cursor = result.next;
        setBusy(`${count(total.matched)} of ${count(dry.matched)} done …`);
      } while (cursor !== null && !stopped.current);
      const done = action === "replay"
        ? `Replayed ${counted(total.replayed, "letter")}`
        : `Deleted ${counted(total.deleted, "letter")}`;
      const missed = total.matched - total.replayed - total.deleted;
      const gone = missed > 0 ? `; ${counted(missed, "letter")} had gone meanwhile` : "";
      tell({ text: `${done}${gone}${cursor !== null ? ", then stopped" : ""}.`, line });
    } catch (error) {
      tell({ text: `${error.message} ${count(total.replayed + total.deleted)} were done before.`, bad: true });
    }
  };
  const cancel = () => {
    stopped.current = true;
    if (busy === null) onClose(false);
  };
  const number = dry === null ? null : `${dry.complete ? "" : "at least "}${counted(dry.matched, "letter")}`;
  return html`
    <${Confirm} title=${`${verb} dead letters`} danger=${action ===
      "delete"} busy=${busy} onCancel=${cancel} onConfirm=${run}
      action=${dry === null || dry.matched === 0 ? null : `${verb} ${number}`}>
      ${dry === null
        ? html`<p>Counting what would be done …</p>`
        : dry.matched === 0
        ? html`<p>Nothing fits any more: the letters were replayed, deleted or trimmed.</p>`
        : action === "replay"
        ? html`<p>This gives <b>${number}</b> back to this group, each once and with a fresh budget of attempts. Other groups see nothing of it. Letters that come from now on are left alone.</p>`
        : html`<p>This deletes <b>${number}</b> for good. It cannot be undone. Letters that come from now on are left alone.</p>`}
    <//>
  `;
}
