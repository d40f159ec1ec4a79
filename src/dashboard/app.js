/** The page: who may see it, which view it shows, and the state of the service above all views. */
import { html, render, useEffect, useRef, useState } from "./vendor/preact_htm.js";
import { session, signIn, signOut } from "./api.js";
import { duration } from "./format.js";
import { follow, live } from "./live.js";
import { PauseButton } from "./pause.js";
import { useStore } from "./store.js";
import { Notices, Shape, Text, Time } from "./ui.js";
import { NowView } from "./view_now.js";

/** Views that are not there at first are loaded when they are asked for. */
const VIEWS = {
  now: ["Now", () => NowView],
  where: ["Where", () => import("./view_where.js").then((module) => module.WhereView)],
  find: ["Find", () => import("./view_find.js").then((module) => module.FindView)],
  dead: ["Dead letters", () => import("./view_dead.js").then((module) => module.DeadView)],
  schedules: ["Schedules", () => import("./view_schedules.js").then((module) => module.SchedulesView)],
  controls: ["Controls", () => import("./view_controls.js").then((module) => module.ControlsView)],
};
const STATE_WORDS = { flowing: "Flowing", slow: "Slow", stuck: "Stuck", paused: "Paused", down: "Down" };
const WARNINGS = {
  dead_letters_growing: "Dead letters came in the last five minutes",
  lag_growing: "The backlog has been growing",
  settling_refused: "Redis refuses what ends an event; handlers run, and their events stay held",
  eviction_policy: "Redis may evict streams when its memory is full; its policy should be noeviction",
};

function placeOf() {
  const [, name = "", query = ""] = /^#\/([a-z]*)\??(.*)$/.exec(location.hash) ?? [];
  return { name: Object.hasOwn(VIEWS, name) ? name : "now", params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Shows a view; what is empty does not go into the address. */
function go(name, params = {}) {
  const query = new URLSearchParams(
    Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== ""),
  );
  location.hash = `#/${name}${query.size > 0 ? `?${query}` : ""}`;
}

function App() {
  const { token } = useStore(session);
  return token === null ? html`<${SignIn} />` : html`<${Dashboard} key=${token} />`;
}

function SignIn() {
  const { problem } = useStore(session);
  const [text, setText] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (text.trim() !== "") signIn(text.trim());
  };
  useEffect(() => {
    document.title = "Sign in · Redis Stream Service";
  }, []);
  return html`
    <main class="sign-in" tabindex="-1">
      <form onSubmit=${submit} class="card stack">
        <h1>Redis Stream Service</h1>
        <p>Sign in with the admin token: the value of <code>ADMIN_TOKEN</code>, or the link in the log at start.</p>
        <div role="alert">${problem && html`<p class="bad-text"><${Shape} name="down" /> ${problem}</p>`}</div>
        <label>Admin token <input type="password" value=${text} onInput=${(event) =>
          setText(event.target.value)} autocomplete="current-password" autofocus required /></label>
        <button type="submit" class="primary">Sign in</button>
      </form>
    </main>
  `;
}

function Dashboard() {
  const [place, setPlace] = useState(placeOf());
  const main = useRef(null);
  useEffect(() => follow(), []);
  useEffect(() => {
    // Between a phone and a wide window the names of the views may be wider than their place.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [place.name]);
  useEffect(() => {
    const changed = () => {
      setPlace(placeOf());
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return html`
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      main.current.focus();
    }}>Skip to the content</a>
    <header>
      <div class="bar-top">
        <${Brand} />
        <nav aria-label="Views">${Object.entries(VIEWS).map(([name, [title]]) =>
          html`
            <a key=${name} href=${`#/${name}`} aria-current=${place.name === name ? "page" : null}>${title}</a>
          `
        )}
        </nav>
        <div class="session"><${Connection} /><button type="button" class="quiet" onClick=${() =>
          signOut()}>Sign out</button></div>
      </div>
    </header>
    <${Banner} />
    <main id="main" ref=${main} tabindex="-1">
      <${View} key=${place.name} ...${place} />
    </main>
    <${Notices} />
  `;
}

function View({ name, params }) {
  const [view, setView] = useState(() => name === "now" ? { of: NowView } : null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (view !== null) return;
    Promise.resolve(VIEWS[name][1]()).then((of) => setView({ of }), () => setFailed(true));
  }, []);
  if (failed) return html`<p role="alert">This view could not be loaded. Reload the page.</p>`;
  return view === null ? null : html`<${view.of} params=${params} go=${go} />`;
}

function Brand() {
  const { now } = useStore(live);
  return html`<a class="brand" href="#/now"><img src="assets/icon.svg" alt="" width="24" height="24" />
    <span><${Text} value=${now?.service.name ?? "Redis Stream Service"} />${
    now && html`
      <small class="muted">${now.service.version}</small>
    `
  }</span></a>`;
}

/** Whether what is shown is live. */
function Connection() {
  const { status, since: from } = useStore(live);
  const words = { connecting: "Connecting", live: "Live", asking: "Every few seconds", lost: "Reconnecting" }[status];
  return html`<span class=${`connection is-${status}`} role="status" title=${new Date(from).toISOString()}>
    <span class="dot" aria-hidden="true"></span>${words}</span>`;
}

/** The state in one word, why, since when, and what to press. */
function Banner() {
  const { status, now, since: from } = useStore(live);
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  // A moment without the stream is no news.
  if (status === "lost" && Date.now() - from > 1_500) {
    return html`
      <section class="banner state-down" aria-label="State">
        <p class="state"><${Shape} name="unknown" /> <strong>No contact</strong></p>
        <div>
          <p class="reason">This page does not reach the service. It tries again by itself.</p>
          <p class="muted">for ${duration(Date.now() - from)}${now
            ? html`; the figures are those of <${Time} iso=${now.timestamp} />`
            : ""}</p>
        </div>
      </section>
    `;
  }
  if (now === null) {
    return html`
      <section class="banner" aria-label="State">
        <p class="muted">Asking the service …</p>
      </section>
    `;
  }
  const { state, warnings } = now;
  const age = Math.max(0, Date.now() - Date.parse(state.since));
  // While Redis is away the figures are those of before.
  const stale = now.asOf !== null && Date.parse(now.timestamp) - Date.parse(now.asOf) > 10_000;
  return html`
    <section class=${`banner state-${state.name}`} aria-label="State">
      <p class="state" aria-live="polite"><${Shape} name=${state
        .name} /> <strong>${STATE_WORDS[state.name]}</strong></p>
      <div>
        <p class="reason"><${Text} value=${state.reason} />${" "}<span class="advice">${state.advice}</span></p>
        <p class="muted meta">
          <span>since${" "}<${Time} iso=${state.since} />${` (${duration(age)})`}</span>
          ${stale && html`<span>${"figures of "}<${Time} iso=${now.asOf} /></span>`}
          ${warnings.map((code) => html`<${Warning} key=${code} code=${code} />`)}
        </p>
      </div>
      <div class="buttons">
        ${state.name === "paused" && html`<${PauseButton} />`}
        ${(state.name === "stuck" || state.name === "slow") &&
          html`<a class="button" href="#/where">Who holds what</a>`}
      </div>
    </section>
  `;
}

function Warning({ code }) {
  const [kind, ...rest] = code.split(":");
  const about = rest.join(":");
  const text = html`<${Text} value=${`${WARNINGS[kind] ?? kind}${about && ` (${about})`}`} />`;
  return html`<span class="warning"><${Shape} name="slow" />${" "}${
    kind === "dead_letters_growing" ? html`<a href="#/dead">${text}</a>` : text
  }</span>`;
}

render(html`<${App} />`, document.getElementById("app"));
