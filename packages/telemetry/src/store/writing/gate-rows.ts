// The rows of `gates`: gate mass and mean probability in halves of numbers, each as a base and a byte above it.
import type { v1 } from "@moescope/proto";
import type { ColumnsOf } from "../engine/native.ts";
import { putFirstHalves } from "./gates.ts";
import { type Base, type CountSplitter, NO_BASE } from "./split-counts.ts";

export const GATE_COLUMNS = {
  tokens: "UInt64",
  gate_mass_shared_base: "LowCardinality(String)",
  gate_mass_base: "Array(UInt16)",
  gate_mass_above: "Array(UInt8)",
  mean_probability_shared_base: "LowCardinality(String)",
  mean_probability_base: "Array(UInt16)",
  mean_probability_above: "Array(UInt8)",
} as const;

/** Whether there is something to say in `gates`: of a histogram without categories, that it was sent. */
export function saysGates({ gateMass = [], meanProbability = [], categories }: v1.RoutingHistogram): boolean {
  return gateMass.length > 0 || meanProbability.length > 0 || categories.length === 0;
}

/** @param columns whose rows have their place already */
export function addGates(
  columns: ColumnsOf<typeof GATE_COLUMNS>,
  { layer, categories, gateMass = [], meanProbability = [] }: v1.RoutingHistogram,
  splitter: CountSplitter,
  sender: string,
): void {
  let tokens = 0;
  for (const category of categories) tokens += category.tokens!;
  columns.tokens.add(meanProbability.length > 0 ? tokens : 0);
  const mass = splitFloats(columns.gate_mass_above, gateMass, splitter, sender, 2 * layer);
  columns.gate_mass_shared_base.add(mass.shared);
  columns.gate_mass_base.add(mass.own);
  const mean = splitFloats(columns.mean_probability_above, meanProbability, splitter, sender, 2 * layer + 1);
  columns.mean_probability_shared_base.add(mean.shared);
  columns.mean_probability_base.add(mean.own);
}

let halves = new Uint16Array(256);

function splitFloats(
  column: ColumnsOf<typeof GATE_COLUMNS>["gate_mass_above"],
  values: ArrayLike<number>,
  splitter: CountSplitter,
  sender: string,
  histogram: number,
): Base {
  const above = column.begin(values.length);
  if (values.length === 0) return NO_BASE;
  if (values.length > halves.length) halves = new Uint16Array(values.length);
  putFirstHalves(values, halves);
  const at = above.room(values.length);
  return splitter.split(sender, histogram, halves.subarray(0, values.length), above.piece as Uint8Array, at);
}
