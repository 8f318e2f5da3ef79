// Expert × step heat map of one layer.
import { useMemo } from "react";
import type { Axis, Theme } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import type { Cell } from "../../charts/cells.ts";
import { HeatMap } from "../../charts/HeatMap.tsx";
import { nearestIndex } from "../../charts/lines.ts";
import { AXIS_TITLES, axisTicks, formatPosition } from "../../charts/ticks.ts";
import type { Cursor } from "../../data/cursor.ts";
import { formatDuration } from "../../format/number.ts";
import { deadIn, type ExpertMarks, type ExpertsModel, expertReading, isLoading } from "./experts-model.ts";
import { type MapColumns, mapColumns, mapDead, mapValues, pauseAt } from "./map-columns.ts";

const TICKS = 6;

interface ExpertMapProps {
  model: ExpertsModel;
  marks: ExpertMarks;
  axis: Axis;
  theme: Theme;
  cursor: Cursor;
  followed: number | undefined;
}

export function ExpertMap({ model, marks, axis, theme, cursor, followed }: ExpertMapProps) {
  const { experts } = model;
  const columns = useMemo(() => mapColumns(model, axis), [model, axis]);
  const values = useMemo(() => mapValues(model, columns), [model, columns]);
  const dead = useMemo(() => mapDead(deadIn(model), columns), [model, columns]);
  const { x, buckets } = columns;
  const placed = axisTicks([x[0] ?? 0, x.at(-1) ?? 0], axis, TICKS).map((tick) => ({
    column: nearestIndex(x, tick),
    text: formatPosition(tick, axis),
  }));
  // Columns are steps: where a run was paused, hours stand in a few of them.
  const ticks = placed.filter(
    ({ column }, place) => place === 0 || column - placed[place - 1]!.column >= x.length / (3 * TICKS),
  );
  const stepsOf = (column: number) => ({
    first: model.firstSteps[buckets[column]!]!,
    last: model.lastSteps[buckets[column]!]!,
  });
  const selected = {
    ...(followed !== undefined && followed < experts && { row: followed }),
    ...(!cursor.live && marks.row >= 0 && { column: buckets.lastIndexOf(marks.row) }),
  };
  return (
    <HeatMap
      label={`Relative load of each expert over the steps. ${marks.sentence}`}
      status={isLoading(model) ? "loading" : model.status}
      values={values}
      rows={experts}
      columns={x.length}
      dead={dead}
      rowTitle="expert"
      columnTitle={AXIS_TITLES[axis]}
      rowLabel={String}
      columnTicks={ticks}
      rowHeight={Math.max(3, Math.min(14, Math.floor(280 / experts)))}
      theme={theme}
      selected={Object.keys(selected).length > 0 ? selected : undefined}
      time={{ x, stepsOf }}
      pauses={columns.pauses}
      pauseColour={`var(--run-${model.run.colour})`}
      onSelect={(cell) => navigate({ expert: cell.row, step: stepsOf(cell.column).last })}
      readout={(cell) => readout(model, columns, cell)}
    />
  );
}

function readout(model: ExpertsModel, columns: MapColumns, { row, column }: Cell) {
  const bucket = columns.buckets[column]!;
  const pause = pauseAt(columns, column);
  if (pause !== undefined) {
    const said = `Paused for ${formatDuration(pause.length)} after step ${model.lastSteps[bucket]}`;
    return { text: `${said}.`, box: <strong>{said}</strong> };
  }
  const { text, steps, share, relative, count, bias } = expertReading(model, bucket, row);
  const box = (
    <>
      <strong>
        Expert {row}, {steps}
      </strong>
      <div>
        <span>share of assignments</span>
        <b>{share}</b>
      </div>
      <div>
        <span>relative load</span>
        <b>{relative} ×</b>
      </div>
      <div>
        <span>assignments</span>
        <b>{count}</b>
      </div>
      {bias !== undefined && (
        <div>
          <span>selection bias</span>
          <b>{bias}</b>
        </div>
      )}
    </>
  );
  return { text, box };
}
