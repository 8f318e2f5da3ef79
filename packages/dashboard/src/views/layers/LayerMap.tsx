// One pane of layers × experts as a heat map.
import { useCallback } from "react";
import type { Address, Theme } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import type { Cell } from "../../charts/cells.ts";
import { HeatMap } from "../../charts/HeatMap.tsx";
import { formatPercent, formatRatio } from "../../format/number.ts";
import { divergingColour, loadColour } from "../../theme/diverging.ts";
import { sequentialColour } from "../../theme/sequential.ts";
import { type CellReading, readCell, readingSentence } from "./layers-model.ts";
import type { LayersPane, PaneScale } from "./panes-model.ts";

/** Of the whole map, pixels, as far as rows do not get too thin. */
const HEIGHT = 480;

interface LayerMapProps {
  pane: LayersPane;
  scale: PaneScale;
  theme: Theme;
  address: Address;
}

export function LayerMap({ pane, scale, theme, address: { layer, expert } }: LayerMapProps) {
  const { layers, experts, values, dead } = pane;
  const colour = useCellColour(scale);
  const row = layer === undefined ? -1 : layers.indexOf(layer);
  const every = experts <= 24 ? 2 : experts <= 64 ? 8 : 32;
  const ticks = Array.from({ length: Math.ceil(experts / every) }, (_, place) => ({
    column: place * every,
    text: String(place * every),
  }));
  const cell = { ...(row >= 0 && { row }), ...(expert !== undefined && expert < experts && { column: expert }) };
  return (
    <HeatMap
      label={`${NAMES[scale.kind]} of ${experts} experts in ${layers.length} layers. ${pane.sentence}`}
      status={pane.status}
      values={values}
      colour={colour}
      rows={layers.length}
      columns={experts}
      dead={dead}
      rowTitle="layer"
      columnTitle="expert"
      rowLabel={(index) => String(layers[index])}
      columnTicks={ticks}
      rowHeight={Math.max(6, Math.min(32, Math.floor(HEIGHT / layers.length)))}
      theme={theme}
      selected={Object.keys(cell).length > 0 ? cell : undefined}
      onSelect={(picked) => navigate({ layer: layers[picked.row]!, expert: picked.column })}
      readout={(picked) => (pane.less === undefined ? readPlain(pane, picked) : readDifference(pane, picked))}
    />
  );
}

const NAMES: Record<PaneScale["kind"], string> = {
  relative: "Relative load",
  absolute: "Assignments",
  difference: "Difference in relative load",
};

/** The same function until the scale changes. */
function useCellColour(scale: PaneScale) {
  const { kind } = scale;
  const end = kind === "absolute" ? scale.most : kind === "difference" ? scale.limit : 1;
  return useCallback(
    (value: number, theme: Theme) => {
      if (kind === "relative") return loadColour(value, theme);
      if (kind === "absolute") return sequentialColour(value / end, theme);
      return divergingColour((value / end + 1) / 2, theme);
    },
    [kind, end],
  );
}

function readPlain({ of, layers }: LayersPane, { row, column }: Cell) {
  const reading = readCell(of.run, of.bucket, layers[row]!, column);
  return reading && { text: readingSentence(reading), box: <ReadingBox reading={reading} /> };
}

function ReadingBox({ reading }: { reading: CellReading }) {
  const rows: [string, string][] = [
    ["relative load", `${reading.relative} ×`],
    ["assignments", reading.count],
    ...(reading.bias === undefined ? [] : [["selection bias", reading.bias] as [string, string]]),
    ...reading.categories.map(({ name, share }): [string, string] => [`from ${name}`, formatPercent(share)]),
  ];
  return <Box title={`Layer ${reading.layer}, expert ${reading.expert}${reading.dead ? " · dead" : ""}`} rows={rows} />;
}

function readDifference({ of, less, layers, experts, values }: LayersPane, { row, column }: Cell) {
  const value = values[row * experts + column]!;
  if (Number.isNaN(value)) return undefined;
  const title = `Layer ${layers[row]}, expert ${column}`;
  const loadIn = (model: LayersPane["of"]) => readCell(model.run, model.bucket, layers[row]!, column)!.relative;
  const rows: [string, string][] = [
    [of.run.label, `${loadIn(of)} ×`],
    [less!.run === of.run ? `step ${less!.lastStep}` : less!.run.label, `${loadIn(less!)} ×`],
    ["difference", signed(value)],
  ];
  return {
    text: `${title}: ${rows.map((parts) => parts.join(" ")).join(", ")}.`,
    box: <Box title={title} rows={rows} />,
  };
}

export function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${formatRatio(value)}`;
}

function Box({ title, rows }: { title: string; rows: readonly [string, string][] }) {
  return (
    <>
      <strong>{title}</strong>
      {rows.map(([name, value]) => (
        <div key={name}>
          <span>{name}</span>
          <b>{value}</b>
        </div>
      ))}
    </>
  );
}
