// Expert × step heat map of one layer.
import { useMemo } from "react";
import type { Axis, Theme } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import type { Cell } from "../../charts/cells.ts";
import { HeatMap } from "../../charts/HeatMap.tsx";
import { nearestIndex } from "../../charts/lines.ts";
import { AXIS_TITLES, axisTicks, formatPosition } from "../../charts/ticks.ts";
import type { Cursor } from "../../data/cursor.ts";
import {
  deadCells,
  type ExpertMarks,
  type ExpertsModel,
  expertReading,
  isLoading,
  transposed,
} from "./experts-model.ts";

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
  const { experts, x } = model;
  const values = useMemo(() => transposed(model), [model]);
  const dead = useMemo(() => deadCells(model), [model]);
  const placed = axisTicks([x[0] ?? 0, x.at(-1) ?? 0], axis, TICKS).map((tick) => ({
    column: nearestIndex(x, tick),
    text: formatPosition(tick, axis),
  }));
  // Columns are steps: where a run was paused, hours may stand at one column.
  const ticks = placed.filter(
    ({ column }, place) => place === 0 || column - placed[place - 1]!.column >= x.length / (3 * TICKS),
  );
  const selected = {
    ...(followed !== undefined && followed < experts && { row: followed }),
    ...(!cursor.live && marks.row >= 0 && { column: marks.row }),
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
      time={{ x, stepsOf: (column) => ({ first: model.firstSteps[column]!, last: model.lastSteps[column]! }) }}
      onSelect={(cell) => navigate({ expert: cell.row, step: model.lastSteps[cell.column]! })}
      readout={(cell) => readout(model, cell)}
    />
  );
}

function readout(model: ExpertsModel, { row, column }: Cell) {
  const { text, steps, share, relative, count, bias } = expertReading(model, column, row);
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
