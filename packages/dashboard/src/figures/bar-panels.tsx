// A figure of bars: a drawing without state or measurement, the same on screen and in a file.
import type { ReactElement } from "react";
import { tickDigits } from "../charts/ticks.ts";
import {
  type BarPanelsLayout,
  barPanelsLayout,
  groupFrames,
  type PlacedBar,
  type PlacedPanel,
} from "./bar-panels-layout.ts";
import type { BarPanelsModel } from "./bar-panels-model.ts";
import { FigureSheet, MARGIN, PAPER } from "./figure-sheet.tsx";

interface BarPanelsFigureProps {
  model: BarPanelsModel;
  /** Where everything stands; the default is the layout for paper. */
  layout?: BarPanelsLayout;
  /** Bars whose group is marked, on screen. */
  isFollowed?: ((bar: PlacedBar) => boolean) | undefined;
}

export function BarPanelsFigure({
  model,
  layout = barPanelsLayout(model),
  isFollowed,
}: BarPanelsFigureProps): ReactElement {
  return (
    <FigureSheet title={model.title} caption={model.caption} layout={layout}>
      <Legend layout={layout} name={model.reference} />
      {layout.panels.map((panel, place) => (
        <g key={panel.title}>
          <Axes model={model} layout={layout} panel={panel} isLast={place === layout.panels.length - 1} />
          <Bars
            model={model}
            layout={layout}
            bars={layout.bars.filter((bar) => bar.panel === place)}
            base={panel.base}
          />
        </g>
      ))}
      {isFollowed && (
        <path data-export="no" d={groupFrames(layout, isFollowed)} fill="none" stroke={PAPER.ink} strokeWidth={1.5} />
      )}
    </FigureSheet>
  );
}

function Legend({ layout, name }: { layout: BarPanelsLayout; name: string | undefined }): ReactElement {
  const sample = layout.referenceSample;
  return (
    <g>
      {layout.legend.map(({ name: text, colour, x, y }) => (
        <g key={text}>
          <rect x={x} y={y - 9} width={11} height={11} fill={colour} />
          <text x={x + 16} y={y}>
            {text}
          </text>
        </g>
      ))}
      {sample && (
        <g>
          <path d={`M${sample.x} ${sample.y - 3.5}h13`} stroke={PAPER.ink} strokeDasharray="3 2" />
          <text x={sample.x + 16} y={sample.y}>
            {name}
          </text>
        </g>
      )}
    </g>
  );
}

interface AxesProps {
  model: BarPanelsModel;
  layout: BarPanelsLayout;
  panel: PlacedPanel;
  isLast: boolean;
}

function Axes({ model, layout, panel, isLast }: AxesProps): ReactElement {
  const { plot, ticks, turned, bars } = layout;
  const { top, base } = panel;
  const digits = tickDigits(ticks);
  const y = (value: number) => Math.round(10 * (base - ((base - top) * value) / model.values.max)) / 10;
  const labelY = base + (bars.some(({ letter }) => letter) ? 26 : 14);
  const middle = (top + base) / 2;
  return (
    <g fontSize={10} fill={PAPER.muted}>
      {panel.title && (
        <text x={plot.x} y={top - 7} fontSize={12} fontWeight={600} fill={PAPER.ink}>
          {panel.title}
        </text>
      )}
      {ticks.map((value) => (
        <g key={value}>
          <path d={`M${plot.x} ${y(value)}h${plot.width}`} stroke={PAPER.grid} />
          <text x={plot.x - 6} y={y(value) + 3.5} textAnchor="end">
            {value.toFixed(digits)}
          </text>
        </g>
      ))}
      <text transform={`translate(${MARGIN + 8} ${middle}) rotate(-90)`} textAnchor="middle" fill={PAPER.ink}>
        {model.values.title}
      </text>
      {panel.groupLabels.map(({ text, x }) =>
        turned ? (
          <text key={text} transform={`translate(${x + 3} ${labelY - 8}) rotate(-90)`} textAnchor="end" fontSize={8}>
            {text}
          </text>
        ) : (
          <text key={text} x={x} y={labelY} textAnchor="middle">
            {text}
          </text>
        ),
      )}
      {isLast && (
        <text
          x={plot.x + plot.width / 2}
          y={labelY + (turned ? 26 : 16)}
          textAnchor="middle"
          fontSize={11}
          fill={PAPER.ink}
        >
          {model.groupTitle}
        </text>
      )}
    </g>
  );
}

interface BarsProps {
  model: BarPanelsModel;
  layout: BarPanelsLayout;
  bars: readonly PlacedBar[];
  base: number;
}

/** One path for each colour, however many bars there are. */
function Bars({ model, layout, bars, base }: BarsProps): ReactElement {
  const references = bars.flatMap(({ reference, x, width }) =>
    reference === undefined ? [] : [`M${x - 2} ${reference}h${width + 4}`],
  );
  const labels = bars.flatMap(({ segments }) =>
    segments.flatMap(({ series, label }) => (label ? [{ series, label }] : [])),
  );
  return (
    <g>
      {model.series.map(({ name, colour }, series) => (
        <path key={name} fill={colour} d={outlines(bars, series)} />
      ))}
      <path d={`M${layout.plot.x} ${base}h${layout.plot.width}`} stroke={PAPER.muted} />
      <path d={references.join("")} stroke={PAPER.ink} strokeDasharray="3 2" fill="none" />
      {labels.map(({ series, label: { text, x, y, inside, turned } }) => (
        <text
          key={`${x}/${y}`}
          {...(turned ? { transform: `translate(${x} ${y}) rotate(-90)` } : { x, y })}
          fontSize={10}
          textAnchor={inside ? "middle" : "start"}
          fill={inside ? inkOn(model.series[series]!.colour) : PAPER.ink}
        >
          {text}
        </text>
      ))}
      {bars.map(({ letter }) =>
        letter ? (
          <text key={letter.x} x={letter.x} y={base + 13} fontSize={10} textAnchor="middle">
            {letter.text}
          </text>
        ) : null,
      )}
    </g>
  );
}

function outlines(bars: readonly PlacedBar[], series: number): string {
  const segments = bars.flatMap(({ segments }) => segments.filter((segment) => segment.series === series));
  return segments.map(({ x, y, width, height }) => `M${x} ${y}h${width}v${height}h${-width}z`).join("");
}

/** Black or white, whichever can be read on a colour `#rrggbb` (relative luminance of WCAG 2). */
function inkOn(colour: string): string {
  const [red, green, blue] = [1, 3, 5].map((place) =>
    linear(Number.parseInt(colour.slice(place, place + 2), 16) / 255),
  );
  const luminance = 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  return luminance > 0.18 ? PAPER.ink : PAPER.page;
}

function linear(channel: number): number {
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
}
