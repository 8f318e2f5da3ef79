// What figures with two number axes have in common: title, legend, axes, caption. The drawing inside is the caller's.
import type { ReactElement, ReactNode } from "react";
import { tickDigits } from "../charts/ticks.ts";
import { type PlotFrameLayout, type PlotFrameModel, placeIn } from "./plot-frame-layout.ts";
import { FIGURE_FONT } from "./relative-load.tsx";

const INK = "#1b1d20";
const MUTED = "#5b6168";
const GRID = "#e6e7e9";

interface PlotFrameProps {
  model: PlotFrameModel;
  layout: PlotFrameLayout;
  /** Sample of a look, at the left end of its legend entry. */
  sample: (place: number, x: number, y: number) => ReactNode;
  children: ReactNode;
}

export function PlotFrame({ model, layout, sample, children }: PlotFrameProps): ReactElement {
  const { width, height } = layout;
  return (
    <svg
      xmlns="http://www.w3.org/2000/svg"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      fontFamily={FIGURE_FONT}
      fontSize={11}
      fill={INK}
    >
      <title>{model.title}</title>
      <desc>{model.caption}</desc>
      <rect width={width} height={height} fill="#ffffff" />
      <text x={24} y={38} fontSize={15} fontWeight={600}>
        {model.title}
      </text>
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
      {layout.captionLines.map((line, place) => (
        <text key={line} x={24} y={layout.captionY + 16 * place + 8} fill={MUTED}>
          {line}
        </text>
      ))}
    </svg>
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
    <g fill={MUTED} fontSize={10}>
      {ticks.y.map((value) => (
        <g key={value}>
          <path d={`M${plot.x} ${place.y(value)}H${right}`} stroke={GRID} />
          <text x={plot.x - 8} y={place.y(value) + 3.5} textAnchor="end">
            {textY(value)}
          </text>
        </g>
      ))}
      {ticks.x.map((value) => (
        <g key={value} textAnchor="middle">
          <path d={`M${place.x(value)} ${bottom}v5`} stroke={MUTED} />
          <text x={place.x(value)} y={bottom + 17}>
            {textX(value)}
          </text>
        </g>
      ))}
      <path d={`M${plot.x} ${plot.y}V${bottom}H${right}`} fill="none" stroke={MUTED} />
      <g fontSize={11.5} fill={INK} textAnchor="middle">
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
