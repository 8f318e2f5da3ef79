// What arms are compared by over their steps: name, unit and how it is read from a bucket.
import { type Bucket, meanOf, scalarOf } from "../../data/bucket.ts";
import { formatRatio, formatValue } from "../../format/number.ts";

export interface Measure {
  name: string;
  /** In a sentence. */
  noun: string;
  /** Of evaluations instead of the split on screen. */
  evaluation: boolean;
  /** The lowest value of its axis, where it has a natural zero. */
  floor: number | undefined;
  format: (value: number) => string;
  /** Mean over the steps of a bucket; undefined where the bucket has none. */
  read: (bucket: Bucket) => number | undefined;
}

/** In the order of their cards. */
export const MEASURES: readonly Measure[] = [
  {
    name: "MaxVio",
    noun: "MaxVio",
    evaluation: false,
    floor: 0,
    format: formatRatio,
    read: ({ layers = [] }) => {
      const reported = layers.filter((layer) => layer.maxViolation?.values);
      if (reported.length === 0) return undefined;
      return reported.reduce((sum, layer) => sum + meanOf(layer.maxViolation), 0) / reported.length;
    },
  },
  { name: "Loss", noun: "the loss", evaluation: false, floor: undefined, format: formatValue, read: readLoss },
  {
    name: "Validation loss",
    noun: "the validation loss",
    evaluation: true,
    floor: undefined,
    format: formatValue,
    read: readLoss,
  },
  {
    name: "Dead experts",
    noun: "the number of dead experts",
    evaluation: false,
    floor: 0,
    format: formatRatio,
    read: ({ layers = [], steps = 1 }) => {
      if (layers.length === 0) return undefined;
      return layers.reduce((sum, { deadExperts = 0 }) => sum + deadExperts, 0) / Math.max(1, steps);
    },
  },
];

function readLoss(bucket: Bucket): number | undefined {
  const loss = scalarOf(bucket, "loss");
  return loss === undefined ? undefined : meanOf(loss);
}
