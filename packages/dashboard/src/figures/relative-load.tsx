// The figure `relative-load`: a drawing without state or measurement, the same on screen and in a file.
import type { ReactElement } from "react";
import { ColourBar, colourOf, levelOf } from "./colour-bar.tsx";
import { FigureSheet, PAPER } from "./figure-sheet.tsx";
import { type PlacedPanel, type RelativeLoadLayout, relativeLoadLayout } from "./relative-load-layout.ts";
import type { RelativeLoadModel } from "./relative-load-model.ts";

interface RelativeLoadFigureProps {
  model: RelativeLoadModel;
  /** Where everything stands; the default is the layout for paper. */
  layout?: RelativeLoadLayout;
  /** An expert to mark in every panel, on screen. */
  followed?: number | undefined;
}

export function RelativeLoadFigure({
  model,
  layout = relativeLoadLayout(model),
  followed,
}: RelativeLoadFigureProps): ReactElement {
  return (
    <FigureSheet title={model.title} caption={model.caption} layout={layout}>
      {layout.headings.map(({ text, x, y }) => (
        <text key={text} x={x} y={y} fontSize={12} fontWeight={600}>
          {text}
        </text>
      ))}
      {layout.panels.map((placed) => (
        <Panel
          key={`${placed.panel.layer}/${placed.panel.run}`}
          placed={placed}
          layout={layout}
          scale={model.scale}
          experts={model.experts}
        />
      ))}
      {followed !== undefined && followed < model.experts && (
        <path data-export="no" d={columnFrames(layout, followed)} fill="none" stroke={PAPER.ink} strokeWidth={1.75} />
      )}
      {layout.axes.map(({ x, y, ticks }) => (
        <ExpertAxis key={`${x}/${y}`} x={x} y={y} ticks={ticks} layout={layout} experts={model.experts} />
      ))}
      <ColourBar bar={layout.colourBar} scale={model.scale} title="relative expert load" muted={PAPER.muted} />
    </FigureSheet>
  );
}

interface PanelProps {
  placed: PlacedPanel;
  layout: RelativeLoadLayout;
  scale: RelativeLoadModel["scale"];
  experts: number;
}

function Panel({ placed, layout, scale, experts }: PanelProps): ReactElement {
  const { panel, x, y, named } = placed;
  const { cellWidth, cellHeight } = layout;
  const width = cellWidth * experts;
  return (
    <g>
      <text x={x} y={y - 6} fill={PAPER.muted}>
        {shorten(panel.label, Math.floor(width / 5.6))}
      </text>
      {panel.rows.map(({ category, counts }, row) => (
        <g key={category}>
          {named && (
            <text x={x - 8} y={y + (row + 0.5) * cellHeight + 4} textAnchor="end">
              {shorten(category, 18)}
            </text>
          )}
          {counts.length === 0 && <NoTokens x={x} y={y + row * cellHeight} width={width} height={cellHeight} />}
        </g>
      ))}
      {cellPaths(placed, layout, scale).map(({ colour, d }) => (
        <path key={colour} fill={colour} d={d} shapeRendering="crispEdges" />
      ))}
      <path fill={PAPER.page} d={clippedMarks(placed, layout, scale)} />
      <path stroke={PAPER.ink} strokeWidth={1} fill="none" d={deadMarks(placed, layout)} />
      <rect
        x={x - 0.5}
        y={y - 0.5}
        width={width + 1}
        height={cellHeight * panel.rows.length + 1}
        fill="none"
        stroke={PAPER.border}
        strokeWidth={0.75}
      />
    </g>
  );
}

function NoTokens({ x, y, width, height }: { x: number; y: number; width: number; height: number }): ReactElement {
  return (
    <g>
      <rect x={x} y={y} width={width} height={height} fill={PAPER.missing} />
      <text x={x + 6} y={y + height / 2 + 3.5} fontSize={10} fill={PAPER.muted}>
        no tokens of this category
      </text>
    </g>
  );
}

/** One path for each colour in use, from pale to dark, instead of one element for each cell. */
function cellPaths(
  { panel, x, y }: PlacedPanel,
  { cellWidth, cellHeight }: RelativeLoadLayout,
  scale: RelativeLoadModel["scale"],
) {
  const paths = new Map<number, string>();
  panel.rows.forEach(({ relative }, row) => {
    relative.forEach((value, expert) => {
      const level = levelOf(value, scale);
      const cell = `M${x + expert * cellWidth} ${y + row * cellHeight}h${cellWidth}v${cellHeight}h-${cellWidth}z`;
      paths.set(level, (paths.get(level) ?? "") + cell);
    });
  });
  return [...paths].sort(([a], [b]) => a - b).map(([level, d]) => ({ colour: colourOf(level), d }));
}

/** A white dot in every cell whose value is above the scale. */
function clippedMarks(
  { panel, x, y }: PlacedPanel,
  { cellWidth, cellHeight }: RelativeLoadLayout,
  [, high]: RelativeLoadModel["scale"],
): string {
  return panel.rows
    .flatMap(({ relative }, row) =>
      relative.map((value, expert) =>
        value > high ? `M${x + (expert + 0.5) * cellWidth - 1.5} ${y + (row + 0.5) * cellHeight - 1.5}h3v3h-3z` : "",
      ),
    )
    .join("");
}

/** A cross under the column of every dead expert. */
function deadMarks({ panel, x, y }: PlacedPanel, { cellWidth, cellHeight }: RelativeLoadLayout): string {
  const top = y + panel.rows.length * cellHeight + 1.5;
  return panel.dead
    .map((expert) => {
      const left = x + (expert + 0.5) * cellWidth - 2;
      return `M${left} ${top}l4 4m0 -4l-4 4`;
    })
    .join("");
}

/** A frame around the column of an expert in every panel. */
function columnFrames({ panels, cellWidth, cellHeight }: RelativeLoadLayout, expert: number): string {
  return panels
    .map(
      ({ panel, x, y }) =>
        `M${x + expert * cellWidth} ${y}h${cellWidth}v${cellHeight * panel.rows.length}h-${cellWidth}z`,
    )
    .join("");
}

interface ExpertAxisProps {
  x: number;
  y: number;
  ticks: number[];
  layout: RelativeLoadLayout;
  experts: number;
}

function ExpertAxis({ x, y, ticks, layout, experts }: ExpertAxisProps): ReactElement {
  const centre = (expert: number) => x + (expert + 0.5) * layout.cellWidth;
  return (
    <g textAnchor="middle" fill={PAPER.muted}>
      {ticks.map((expert) => (
        <text key={expert} x={centre(expert)} y={y + 10} fontSize={10}>
          {expert}
        </text>
      ))}
      <text x={x + (experts * layout.cellWidth) / 2} y={y + 25}>
        expert
      </text>
    </g>
  );
}

function shorten(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, Math.max(1, letters - 1))}…`;
}
