/** Charts that share their time axis: hover, zoom and arrow keys in one move all. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/preact_htm.js";
import { time } from "./format.js";

const HEIGHT = 132;
const SYNC = "now";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Number of the colour scheme; changes when it does. */
function useScheme() {
  const [scheme, set] = useState(dark.matches);
  useEffect(() => {
    const listen = () => set(dark.matches);
    dark.addEventListener("change", listen);
    return () => dark.removeEventListener("change", listen);
  }, []);
  return scheme;
}

/** Steps of an axis of counts. */
export const COUNTS = Array.from({ length: 12 }, (_, n) => [1, 2, 5].map((one) => one * 10 ** n)).flat();
/** Steps of an axis of seconds. */
export const TIMES = [
  0.01,
  0.1,
  0.5,
  1,
  2,
  5,
  10,
  15,
  30,
  60,
  120,
  300,
  600,
  1_800,
  3_600,
  7_200,
  21_600,
  86_400,
  604_800,
];

/**
 * @param times Seconds since the epoch. @param series `{label, values, color, dash}`; color is a name of the style sheet.
 * @param format Writes a value. @param axis Writes it on the axis, whose lines are apart by one of `steps`. @param reset Changes when a zoom is to be taken back.
 * @param onZoom Told whether the chart is zoomed.
 */
export function Chart({ title, note, times, series, format, axis = format, steps = null, reset, onZoom }) {
  const holder = useRef(null);
  const plot = useRef(null);
  const zoomed = useRef(false);
  const [at, setAt] = useState(null);
  const scheme = useScheme();
  const labels = series.map(({ label }) => label).join();

  useLayoutEffect(() => {
    const styles = getComputedStyle(document.documentElement);
    const color = (name) => styles.getPropertyValue(`--${name}`).trim();
    const options = {
      width: Math.max(160, holder.current.clientWidth),
      height: HEIGHT,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: SYNC, setSeries: false }, drag: { x: true, y: false }, y: false, points: { size: 6 } },
      scales: { y: { range: (_u, _min, max) => [0, niceTop(max)] } },
      axes: [
        axisOf(color, { size: 26, space: 64, values: (_u, ticks) => ticks.map(tickTime) }),
        axisOf(color, {
          size: 46,
          space: 34,
          ...(steps ? { incrs: steps } : {}),
          values: (_u, ticks) => ticks.map((value) => axis(value)),
        }),
      ],
      series: [
        {},
        ...series.map(({ label, color: name, dash = [] }) => ({
          label,
          stroke: color(name),
          width: 2,
          dash,
          points: { show: false },
        })),
      ],
      hooks: {
        setCursor: [(u) => setAt(u.cursor.idx ?? null)],
        setScale: [(u, key) => {
          if (key !== "x") return;
          const { min, max } = u.scales.x;
          const [first, last] = [u.data[0][0], u.data[0].at(-1)];
          zoomed.current = min > first + 0.5 || max < last - 0.5;
          onZoom?.(zoomed.current);
        }],
      },
    };
    plot.current = new globalThis.uPlot(options, [times, ...series.map(({ values }) => values)], holder.current);
    const resized = new ResizeObserver(() => {
      if (holder.current) plot.current?.setSize({ width: Math.max(160, holder.current.clientWidth), height: HEIGHT });
    });
    resized.observe(holder.current);
    return () => {
      resized.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [scheme, labels]);

  useEffect(() => {
    plot.current?.setData([times, ...series.map(({ values }) => values)], !zoomed.current);
    if (zoomed.current) plot.current?.redraw();
  }, [times, series]);

  useEffect(() => {
    zoomed.current = false;
    plot.current?.setData([times, ...series.map(({ values }) => values)], true);
  }, [reset]);

  const onKeyDown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || times.length === 0) return;
    event.preventDefault();
    const from = at ?? times.length - 1;
    const to = Math.max(
      0,
      Math.min(times.length - 1, Number.isFinite(step) ? from + step : step < 0 ? 0 : times.length),
    );
    const u = plot.current;
    u.setCursor({ left: u.valToPos(times[to], "x"), top: 10 }, true, true);
  };
  const shownAt = at !== null && at < times.length ? at : null;
  const valueOf = (values) => shownAt === null ? values.findLast((value) => value !== null) ?? null : values[shownAt];
  const words = series.map(({ label, values }) => `${label} ${format(valueOf(values))}`).join(", ");
  return html`
    <figure class="chart" tabindex="0" role="group" aria-label=${`${title}: ${words}. Arrow keys read older values.`} onKeyDown=${onKeyDown}>
      <figcaption>
        <span class="chart-title">${title}</span>
        <span class="chart-at">${shownAt === null ? note : time(new Date(times[shownAt] * 1000).toISOString())}</span>
        <span class="legend">${series.map(({ label, values, color, dash = [] }) =>
          html`
            <span class="legend-item" key=${label}>
              <svg width="18" height="6" aria-hidden="true"><line x1="0" y1="3" x2="18" y2="3" class=${`line-${color}`} stroke-dasharray=${dash
                .join(" ")} /></svg>
              ${label} <b>${format(valueOf(values))}</b>
            </span>
          `
        )}
        </span>
      </figcaption>
      <div class="plot" ref=${holder}></div>
    </figure>
  `;
}

function axisOf(color, more) {
  return {
    stroke: color("muted"),
    font: '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    grid: { stroke: color("grid"), width: 1 },
    ticks: { show: false },
    gap: 4,
    ...more,
  };
}

function tickTime(seconds) {
  return new Date(seconds * 1000).toTimeString().slice(0, 5);
}

/** A round number a little above. */
function niceTop(max) {
  if (!(max > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(max * 1.1));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((one) => one * power >= max * 1.1) ?? 10;
  return step * power;
}
