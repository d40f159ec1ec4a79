/** Numbers, times and strangers' text, as people read them. */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A count; a dash where it is not known. */
export function count(value) {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** A count with its noun: `1 event`, `2 events`. */
export function counted(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A rate: small ones with a decimal. */
export function rate(value) {
  if (value === null || value === undefined) return "–";
  return value < 10 ? tenths.format(value) : whole.format(value);
}

/** For axes: `12K`. */
export function short(value) {
  return value === null ? "" : compact.format(value);
}

/** Seconds, for axes: `30 s`, `2 min`, `6 h`. */
export function shortSeconds(value) {
  const [size, name] = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]].find(([size]) => value >= size) ?? [1, "s"];
  return `${tenths.format(value / size)} ${name}`;
}

/** `250 ms`, `4.2 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1) return `${tenths.format(ms)} ms`;
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? tenths.format(seconds) : whole.format(seconds)} s`;
  const steps = [[86_400, "d", 3_600, "h"], [3_600, "h", 60, "min"], [60, "min", 1, "s"]];
  for (const [size, name, small, smallName] of steps) {
    if (seconds < size) continue;
    const rest = Math.floor(seconds % size / small);
    return `${whole.format(Math.floor(seconds / size))} ${name}${rest > 0 ? ` ${rest} ${smallName}` : ""}`;
  }
}

/** Local time; with the day where it is another one. */
export function time(iso) {
  if (!iso) return "–";
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "–";
  return date.toDateString() === new Date().toDateString()
    ? clock.format(date)
    : `${day.format(date)}, ${clock.format(date)}`;
}

/** How long ago, or how long until. */
export function since(iso, nowMs = Date.now()) {
  return duration(Math.max(0, Math.abs(nowMs - Date.parse(iso))));
}

// What has no shape of its own: controls, marks of direction, joiners, separators, tags, and halves of characters.
const HIDDEN =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** A text in which nothing is hidden: what has no shape of its own is named. @param lines Line ends and tabs may stay. */
export function visible(text, lines = false) {
  return text.replace(HIDDEN, (char) => {
    if (lines && (char === "\n" || char === "\t")) return char;
    const code = char.codePointAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

/** JSON with line ends and indents, character by character: numbers stay as they are, and a text that was cut works too. */
export function prettyJson(text) {
  if (!/^\s*[[{]/.test(text) || text.length > 400_000) return text;
  let [out, depth, quoted] = ["", 0, false];
  const line = () => `\n${"  ".repeat(Math.min(depth, 40))}`;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      out += char;
      if (char === "\\") out += text[++at] ?? "";
      else if (char === '"') quoted = false;
      continue;
    }
    if (char === '"') quoted = true;
    if (/\s/.test(char)) continue;
    if (char === "{" || char === "[") {
      const closing = /^\s*[}\]]/.exec(text.slice(at + 1, at + 20));
      if (closing) {
        out += char + closing[0].trim();
        at += closing[0].length;
        continue;
      }
      depth++;
      out += char + line();
    } else if (char === "}" || char === "]") {
      depth = Math.max(0, depth - 1);
      out += line() + char;
    } else if (char === ",") out += char + line();
    else out += char === ":" ? ": " : char;
  }
  return out;
}
