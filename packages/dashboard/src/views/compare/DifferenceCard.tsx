// Layers × experts: what one arm's experts get more or less than another's.
import { useCallback, useMemo } from "react";
import type { Theme } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { historyPath } from "../../api/client.ts";
import type { Cell } from "../../charts/cells.ts";
import { HeatMap } from "../../charts/HeatMap.tsx";
import { Card } from "../../components/Card.tsx";
import { Segmented } from "../../components/controls.tsx";
import { arrivalOf } from "../../data/arrival.ts";
import { useLastComplete } from "../../data/use-last-complete.ts";
import { useSameItems } from "../../data/use-same-items.ts";
import { formatRatio } from "../../format/number.ts";
import { LOAD_DOUBLINGS, loadColour } from "../../theme/diverging.ts";
import type { Arm } from "./arms.ts";
import type { ComparedProps } from "./compared-props.ts";
import { DifferenceScale } from "./DifferenceScale.tsx";
import { type DifferenceModel, differenceModel, differenceTable, expertName } from "./difference-model.ts";
import { differenceQueries, differenceSteps } from "./difference-steps.ts";
import { useGrowingHistories } from "./use-growing-histories.ts";

const WHEN = [
  { value: "tenth", text: "Last tenth" },
  { value: "cursor", text: "At the cursor" },
] as const;
const ORDERS = [
  { value: "number", text: "Experts by number" },
  { value: "load", text: "Busiest first" },
] as const;

export function DifferenceCard({ scene, theme, baseline, against }: ComparedProps & { baseline: Arm; against: Arm }) {
  const { address, cursor, split } = scene;
  const { differenceAt, expertOrder } = address;
  const queries = differenceQueries([...baseline.runs, ...against.runs], split, address, cursor);
  const grows = differenceAt === "tenth" || cursor.live;
  const answers = useGrowingHistories(queries, ({ run, split: of, from, attempt }) =>
    grows ? `${run} ${of} ${attempt} ${differenceAt}` : `${run} ${of} ${attempt} ${from}`,
  );
  const histories = useSameItems(answers.map(({ history }) => history));
  const status = arrivalOf(answers.map((answer) => answer.status));
  const steps = differenceSteps(differenceAt, cursor);
  const now = useMemo(() => {
    // Nothing is shown before all are here.
    const here = status === "loading" ? [] : histories;
    const buckets = here.flatMap((history) => {
      const bucket = history?.buckets[0];
      return bucket === undefined ? [] : [[history!.run, bucket] as const];
    });
    return differenceModel({ baseline, against }, new Map(buckets), expertOrder, steps, status);
  }, [histories, baseline, against, expertOrder, steps, status]);
  const { shown: model = now, stale } = useLastComplete(status === "loading" ? undefined : now);
  const failed = answers.find(({ error }) => error !== undefined)?.error;
  return (
    <Card
      title="Difference of load"
      name="Difference of load"
      sentence={failed === undefined ? model.sentence : `Some steps could not be fetched: ${failed.message}`}
      table={() => differenceTable(model)}
      requests={queries.map(historyPath)}
      controls={
        <>
          <Segmented
            label="Steps of the difference"
            value={differenceAt}
            choices={WHEN}
            onChange={(value) => navigate({ differenceAt: value })}
          />
          <Segmented
            label="Order of the experts"
            value={expertOrder}
            choices={ORDERS}
            onChange={(value) => navigate({ expertOrder: value })}
          />
        </>
      }
    >
      <div className={stale ? "stale" : undefined} aria-busy={stale}>
        <DifferenceMap model={model} theme={theme} selected={{ layer: address.layer, expert: address.expert }} />
      </div>
      <DifferenceScale model={model} theme={theme} />
      <p className="compare-note" data-export="text">
        {expertOrder === "number"
          ? "Runs of other seeds have other experts under the same numbers: put the busiest first to compare how uneven layers are."
          : "In every run the experts of a layer are put in order of their load before runs are averaged."}
      </p>
    </Card>
  );
}

interface DifferenceMapProps {
  model: DifferenceModel;
  theme: Theme;
  selected: { layer: number | undefined; expert: number | undefined };
}

function DifferenceMap({ model, theme, selected }: DifferenceMapProps) {
  const { layers, experts, order, limit, against, baseline } = model;
  const colour = useCallback(
    (value: number, inTheme: Theme) => loadColour(2 ** ((value / limit) * LOAD_DOUBLINGS), inTheme),
    [limit],
  );
  const every = experts <= 24 ? 2 : experts <= 64 ? 8 : 32;
  const ticks = Array.from({ length: Math.ceil(experts / every) }, (_, place) => ({
    column: place * every,
    text: String(place * every + (order === "load" ? 1 : 0)),
  }));
  const row = selected.layer === undefined ? -1 : layers.indexOf(selected.layer);
  // Put in order of their load, experts of several runs share a column.
  const column = order === "number" ? selected.expert : undefined;
  const cell = { ...(row >= 0 && { row }), ...(column !== undefined && column < experts && { column }) };
  return (
    <HeatMap
      label={`Relative load in ${against.name} minus that in ${baseline.name}, ${layers.length} layers and ${experts} experts. ${model.sentence}`}
      status={model.status}
      values={model.difference}
      colour={colour}
      rows={layers.length}
      columns={experts}
      dead={[]}
      rowTitle="layer"
      columnTitle={order === "load" ? "expert, busiest first" : "expert"}
      rowLabel={(index) => String(layers[index])}
      columnTicks={ticks}
      rowHeight={Math.max(6, Math.min(32, Math.floor(480 / Math.max(1, layers.length))))}
      theme={theme}
      selected={Object.keys(cell).length > 0 ? cell : undefined}
      onSelect={(cell) => navigate({ layer: layers[cell.row]!, ...(order === "number" && { expert: cell.column }) })}
      readout={(cell) => readout(model, cell)}
    />
  );
}

function readout(model: DifferenceModel, { row, column }: Cell) {
  const { layers, experts, order, against, baseline, againstLoad, baselineLoad, difference } = model;
  const at = row * experts + column;
  const value = difference[at]!;
  if (Number.isNaN(value)) return undefined;
  const title = `Layer ${layers[row]}, ${expertName(column, order)}`;
  const [more, less] = [formatRatio(againstLoad[at]!), formatRatio(baselineLoad[at]!)];
  const box = (
    <>
      <strong>{title}</strong>
      <div>
        <span>{against.name}</span>
        <b>{more} ×</b>
      </div>
      <div>
        <span>{baseline.name}</span>
        <b>{less} ×</b>
      </div>
      <div>
        <span>difference</span>
        <b>{`${value > 0 ? "+" : ""}${formatRatio(value)}`}</b>
      </div>
    </>
  );
  return { text: `${title}: ${more} × its share in ${against.name}, ${less} × in ${baseline.name}.`, box };
}
