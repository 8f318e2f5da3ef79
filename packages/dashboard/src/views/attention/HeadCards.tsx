// Every head: one score of all of them as a map, and all scores as a table.
import { useMemo } from "react";
import type { Address, HeadScore, Theme } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import type { Cell } from "../../charts/cells.ts";
import { HeatMap } from "../../charts/HeatMap.tsx";
import { Card } from "../../components/Card.tsx";
import { Segmented } from "../../components/controls.tsx";
import { SortableTable, type TableColumn } from "../../components/SortableTable.tsx";
import { Explained } from "../../components/Term.tsx";
import { formatRatio } from "../../format/number.ts";
import { sequentialColour } from "../../theme/sequential.ts";
import { headName } from "./attention-model.ts";
import { type HeadMapModel, type HeadRow, headMap, headsTable, SCORES, scoreSentence } from "./heads-model.ts";

interface HeadCardProps {
  address: Address;
  /** Heads of each run. */
  runs: readonly (readonly HeadRow[])[];
  requests: readonly string[];
}

export function HeadMapCard({ address, runs, requests, theme }: HeadCardProps & { theme: Theme }) {
  const score = SCORES.find(({ name }) => name === address.score)!;
  const maps = useMemo(() => runs.map((rows) => headMap(rows, score.of)), [runs, score]);
  const sentence = scoreSentence(runs, score.of, score.title);
  return (
    <Card
      title={<Explained text={score.meaning}>{`Heads · ${score.title}`}</Explained>}
      name="Heads by score"
      sentence={sentence}
      table={() => headsTable(runs.flat())}
      requests={requests}
      controls={
        <Segmented<HeadScore>
          label="Score"
          value={address.score}
          choices={SCORES.map(({ name, title }) => ({ value: name, text: title }))}
          onChange={(name) => navigate({ score: name })}
        />
      }
    >
      <div className="panes beside">
        {maps.map((map) => (
          <div key={map.run}>
            {maps.length > 1 && (
              <h3 className="pane-title" data-export="text">
                {map.label}
              </h3>
            )}
            <HeadMap map={map} title={score.title} address={address} theme={theme} sentence={sentence} />
          </div>
        ))}
      </div>
      <ScoreScale theme={theme} />
    </Card>
  );
}

interface HeadMapProps {
  map: HeadMapModel;
  title: string;
  address: Address;
  theme: Theme;
  sentence: string;
}

function HeadMap({ map, title, address, theme, sentence }: HeadMapProps) {
  const { layers, heads, values } = map;
  const row = address.layer === undefined ? -1 : layers.indexOf(address.layer);
  const every = Math.max(1, Math.ceil(heads / 16));
  const selected = {
    ...(row >= 0 && { row }),
    ...(row >= 0 && address.head !== undefined && address.head < heads && { column: address.head }),
  };
  return (
    <HeatMap
      label={`${title} of ${heads} heads in ${layers.length} layers. ${sentence}`}
      status="ready"
      values={values}
      colour={sequentialColour}
      rows={layers.length}
      columns={heads}
      dead={[]}
      rowTitle="layer"
      columnTitle="head"
      rowLabel={(index) => String(layers[index])}
      columnTicks={Array.from({ length: Math.ceil(heads / every) }, (_, place) => ({
        column: place * every,
        text: String(place * every),
      }))}
      rowHeight={Math.max(6, Math.min(28, Math.floor(420 / Math.max(1, layers.length))))}
      theme={theme}
      selected={Object.keys(selected).length > 0 ? selected : undefined}
      onSelect={(cell) => navigate({ layer: layers[cell.row]!, head: cell.column })}
      readout={(cell) => readout(map, title, cell)}
    />
  );
}

function readout({ layers, heads, values }: HeadMapModel, title: string, { row, column }: Cell) {
  const value = values[row * heads + column]!;
  if (Number.isNaN(value)) return undefined;
  const box = (
    <>
      <strong>{`Layer ${layers[row]}, head ${column}`}</strong>
      <div>
        <span>{title}</span>
        <b>{formatRatio(value)}</b>
      </div>
    </>
  );
  return { text: `Layer ${layers[row]}, head ${column}: ${title} ${formatRatio(value)}.`, box };
}

/** What the colours of the map mean. */
function ScoreScale({ theme }: { theme: Theme }) {
  const stops = [0, 0.25, 0.5, 0.75, 1].map((score) => `rgb(${sequentialColour(score, theme).join(" ")})`);
  return (
    <div className="score-scale">
      <span data-export="text">0</span>
      <i style={{ background: `linear-gradient(to right, ${stops.join(", ")})` }} />
      <span data-export="text">1</span>
    </div>
  );
}

const SCORE_COLUMNS = SCORES.map(
  ({ title, of }): TableColumn<HeadRow> => ({
    title,
    key: (row) => row[of],
    cell: (row) => formatRatio(row[of]),
    numeric: true,
  }),
);
const HEAD: TableColumn<HeadRow> = {
  title: "head",
  key: ({ layer, head }) => layer * 1e6 + head,
  cell: ({ layer, head }) => `layer ${layer}, head ${head}`,
};
const CATEGORY: TableColumn<HeadRow> = {
  title: "category",
  key: ({ category }) => (category ? headName(category) : "not a number"),
};
const RUN: TableColumn<HeadRow> = { title: "run", key: ({ label }) => label };

export function HeadTableCard({ address, runs, requests }: HeadCardProps) {
  const rows = useMemo(() => runs.flat(), [runs]);
  const columns = [HEAD, CATEGORY, ...(runs.length > 1 ? [RUN] : []), ...SCORE_COLUMNS];
  return (
    <Card
      title="Head table"
      name="Head table"
      sentence="Each head has one category: the strongest pattern that it follows, else local or broad. A click marks it in the map."
      table={() => headsTable(rows)}
      requests={requests}
    >
      <SortableTable
        key={columns.length}
        label="Attention heads and their scores"
        rows={rows}
        columns={columns}
        idOf={({ run, layer, head }) => `${run}/${layer}/${head}`}
        sortedBy={0}
        isPicked={({ layer, head }) => layer === address.layer && head === address.head}
        onPick={({ layer, head }) => navigate({ layer, head })}
      />
    </Card>
  );
}
