// What figures with two number axes have in common: title, legend, axes, caption. The drawing inside is the caller's.
import type { ReactElement, ReactNode } from "react";
import { tickDigits } from "../charts/ticks.ts";
import { FigureSheet, PAPER } from "./figure-sheet.tsx";
import { type PlotFrameLayout, type PlotFrameModel, placeIn } from "./plot-frame-layout.ts";

interface PlotFrameProps {
  model: PlotFrameModel;
  layout: PlotFrameLayout;
  /** Sample of a look, at the left end of its legend entry. */
  sample: (place: number, x: number, y: number) => ReactNode;
  children: ReactNode;
}

export function PlotFrame({ model, layout, sample, children }: PlotFrameProps): ReactElement {
  return (
    <FigureSheet title={model.title} caption={model.caption} layout={layout}>
      {layout.legend.map(({ name, x, y }, place) => (
        <g key={name}>
          {sample(place, x, y - 4)}
          <text x={x + 30} y={y}>
            {name}
          </text>
        </g>
      ))}
      <Axes model={model} layout={layout} />
      {children}
    </FigureSheet>
  );
}

function Axes({ model, layout }: Pick<PlotFrameProps, "model" | "layout">): ReactElement {
  const { plot, ticks } = layout;
  const place = placeIn(layout, model);
  const [right, bottom] = [plot.x + plot.width, plot.y + plot.height];
  const text = (values: number[]) => (value: number) => value.toFixed(tickDigits(values));
  const [textX, textY] = [text(ticks.x), text(ticks.y)];
  const middle = plot.y + plot.height / 2;
  return (
    <g fill={PAPER.muted} fontSize={10}>
      {ticks.y.map((value) => (
        <g key={value}>
          <path d={`M${plot.x} ${place.y(value)}H${right}`} stroke={PAPER.grid} />
          <text x={plot.x - 8} y={place.y(value) + 3.5} textAnchor="end">
            {textY(value)}
          </text>
        </g>
      ))}
      {ticks.x.map((value) => (
        <g key={value} textAnchor="middle">
          <path d={`M${place.x(value)} ${bottom}v5`} stroke={PAPER.muted} />
          <text x={place.x(value)} y={bottom + 17}>
            {textX(value)}
          </text>
        </g>
      ))}
      <path d={`M${plot.x} ${plot.y}V${bottom}H${right}`} fill="none" stroke={PAPER.muted} />
      <g fontSize={11.5} fill={PAPER.ink} textAnchor="middle">
        <text x={plot.x + plot.width / 2} y={bottom + 36}>
          {model.x.title}
        </text>
        <text x={36} y={middle} transform={`rotate(-90 36 ${middle})`}>
          {model.y.title}
        </text>
      </g>
    </g>
  );
}
