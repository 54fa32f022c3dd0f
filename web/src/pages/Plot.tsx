import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

import { exactTime } from "../text";

export interface Series {
  label: string;
  values: (number | null)[];
  /** A variable of the tokens, such as `--status-running`. */
  colour: string;
  isDashed?: boolean;
  isBars?: boolean;
}

interface Props {
  title: string;
  /** What the plot says in one sentence. */
  summary: string;
  times: number[];
  series: Series[];
  /** A value as text: in the axis, under the pointer and in the table. */
  print: (value: number) => string;
  /** What is measured: times step by minutes and hours, counts by whole numbers. */
  unit: "seconds" | "count" | "share";
}

const HEIGHT_PX = 170;

/** A plot, and the same numbers as a table. */
export function Plot({ title, summary, times, series, print, unit }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const reading = useRef<HTMLParagraphElement>(null);
  const hasData = series.some((one) => one.values.some((value) => value !== null && value !== 0));

  useEffect(() => {
    const element = box.current;
    if (!element || !hasData) return;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(element, series, print, unit, (text) => {
        if (reading.current) reading.current.textContent = text || summary;
      }), [times, ...series.map((one) => one.values)] as uPlot.AlignedData, element);
    };
    draw();
    const sized = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    sized.observe(element);
    // Colours come from the tokens when it is drawn: another theme draws it anew.
    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "data-contrast"] });
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      themed.disconnect();
      scheme.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [times, series, hasData]);

  return (
    <figure class="plot" aria-label={`${title}: ${summary}`}>
      <figcaption>
        <h2>{title}</h2>
        <ul class="plot-legend" role="list">
          {series.map((one) => <li key={one.label}><i class={one.isDashed ? "is-dashed" : ""} style={{ color: `var(${one.colour})` }} aria-hidden="true" />{one.label}</li>)}
        </ul>
      </figcaption>
      {hasData ? <div ref={box} class="plot-box" aria-hidden="true" /> : <p class="plot-none">Nothing in this time.</p>}
      <p ref={reading} class="plot-reading">{summary}</p>
      {hasData && (
        <details class="plot-table">
          <summary>As a table</summary>
          <div class="plot-scroll" tabIndex={0} role="group" aria-label={`${title}, as a table`}>
            <table>
              <thead><tr><th scope="col">From</th>{series.map((one) => <th key={one.label} scope="col">{one.label}</th>)}</tr></thead>
              <tbody>
                {times.map((at, index) => (
                  <tr key={at}>
                    <th scope="row">{exactTime(at).replace(/:\d\d$/, "")}</th>
                    {series.map((one) => <td key={one.label}>{text(one.values[index] ?? null, print)}</td>)}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </figure>
  );
}

function text(value: number | null, print: (value: number) => string): string {
  return value === null ? "–" : print(value);
}

/** Steps of an axis of times, seconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800];

const COUNT_STEPS = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6].map((power) => digit * 10 ** power)).sort((a, b) => a - b);

/** A tick of the time axis: the day where one begins, else the hour. */
function tickText(at: number): string {
  const date = new Date(at * 1000);
  if (date.getHours() === 0 && date.getMinutes() === 0) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${date.getHours()}:${String(date.getMinutes()).padStart(2, "0")}`;
}

function options(element: HTMLElement, series: Series[], print: (value: number) => string, unit: Props["unit"], say: (text: string) => void): uPlot.Options {
  const style = getComputedStyle(element);
  // A token is `light-dark(…)`: what it is now is known once an element has it as its colour.
  const probe = document.createElement("span");
  element.append(probe);
  const colour = (name: string): string => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [line, words] = [colour("--hairline"), colour("--muted")];
  const colours = series.map((one) => colour(one.colour));
  probe.remove();
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: words, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, unit === "seconds" ? 1 : 1.1)] } },
    axes: [{ ...axis, space: 70, size: 34, values: (_plot, ticks) => ticks.map(tickText) }, { ...axis, size: 66, ...(unit === "seconds" ? { incrs: TIME_STEPS } : unit === "count" ? { incrs: COUNT_STEPS } : {}), values: (_plot, ticks) => ticks.map((tick) => print(tick)) }],
    series: [
      {},
      ...series.map((one, index): uPlot.Series => ({
        label: one.label,
        stroke: colours[index] ?? words,
        width: one.isBars ? 0 : 2,
        ...(one.isDashed ? { dash: [6, 4] } : {}),
        ...(one.isBars && bars ? { paths: bars, fill: colours[index] ?? words } : {}),
        spanGaps: false,
        points: { show: !one.isBars && one.values.filter((value) => value !== null).length < 3 },
      })),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx;
          const at = index == null ? undefined : plot.data[0][index];
          if (index == null || at === undefined) return say("");
          say(`${exactTime(at).replace(/:\d\d$/, "")}: ${series.map((one) => `${one.label} ${text(one.values[index] ?? null, print)}`).join(", ")}`);
        },
      ],
    },
  };
}
