// What every chart of a layer's experts over steps is given.
import type { Axis } from "../../address/address.ts";
import type { ExpertMarks, ExpertsModel } from "./experts-model.ts";

export interface ExpertChartProps {
  model: ExpertsModel;
  marks: ExpertMarks;
  axis: Axis;
  xDomain: readonly [number, number];
  /** Place of the step cursor; undefined where it follows the newest step. */
  cursorX: number | undefined;
}
