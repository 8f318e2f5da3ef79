// What is measured of every run of a comparison: name, unit and definition, in one place.

/** MaxVio counts as balanced below this: the busiest expert has less than half its fair share too much. */
export const balancedBelow = 0.5;

/** Steps over which MaxVio is averaged before it is held against the threshold. */
export const smoothedOver = 10;

/** The share of a run, at its end, that stands for the trained model. */
export const lastShare = 0.25;

export interface RunMeasures {
  validationLoss: number;
  maxViolationGlobal: number;
  maxViolationBatch: number;
  deadExperts: number;
  dropped: number;
  mutualInformation: number;
  divergence: number;
  stepsToBalance: number;
  waver: number;
  biasRange: number;
  tokensPerSecond: number;
}

export interface Measure {
  name: keyof RunMeasures;
  title: string;
  definition: string;
  /** Digits after the point, of a value and of its mean. */
  digits: number;
  meanDigits: number;
}

/** In the order in which they are shown; NaN is a value that a run does not have. */
export const measures: readonly Measure[] = [
  {
    name: "validationLoss",
    title: "validation loss",
    definition: "nats per token on held-out data, after the last step",
    ...{ digits: 4, meanDigits: 4 },
  },
  {
    name: "maxViolationGlobal",
    title: "MaxVio global",
    definition: "MaxVio of the counts summed over the validation set, mean over layers, after the last step",
    ...{ digits: 3, meanDigits: 3 },
  },
  {
    name: "maxViolationBatch",
    title: "MaxVio batch",
    definition: "MaxVio of single training steps, mean over layers and over the last quarter of the steps",
    ...{ digits: 3, meanDigits: 3 },
  },
  {
    name: "deadExperts",
    title: "dead experts",
    definition: "layer-expert pairs with less than 1 % of the mean load of their layer over the validation set",
    ...{ digits: 0, meanDigits: 1 },
  },
  {
    name: "dropped",
    title: "dropped tokens",
    definition: "choices of all training steps that found their expert full",
    ...{ digits: 0, meanDigits: 0 },
  },
  {
    name: "mutualInformation",
    title: "specialisation",
    definition:
      "mutual information of category and expert in bits over the validation set, categories weighted alike, mean over layers; 0 is none",
    ...{ digits: 4, meanDigits: 4 },
  },
  {
    name: "divergence",
    title: "JS divergence",
    definition:
      "Jensen-Shannon divergence of two categories' shares of the experts (0 to 1), mean over pairs of categories and over layers, validation set",
    ...{ digits: 4, meanDigits: 4 },
  },
  {
    name: "stepsToBalance",
    title: `steps to balance`,
    definition: `steps before MaxVio of a step (mean over layers, moving average of ${smoothedOver} steps) goes below ${balancedBelow} and stays there; - where it never does`,
    ...{ digits: 0, meanDigits: 0 },
  },
  {
    name: "waver",
    title: "waver",
    definition:
      "standard deviation of MaxVio about its straight-line trend over the last quarter of the steps, mean over layers",
    ...{ digits: 3, meanDigits: 3 },
  },
  {
    name: "biasRange",
    title: "bias range",
    definition: "highest minus lowest selection bias of a layer at the last step, mean over layers; - without a bias",
    ...{ digits: 3, meanDigits: 3 },
  },
  {
    name: "tokensPerSecond",
    title: "tokens/s",
    definition: "median over training steps, on the machine and backend that trained the run",
    ...{ digits: 0, meanDigits: 0 },
  },
];

/** Those of which arms are set against each other seed by seed. */
export const pairedMeasures = ["validationLoss", "maxViolationGlobal", "mutualInformation"] as const;

export function measureNamed(wanted: keyof RunMeasures): Measure {
  return measures.find(({ name }) => name === wanted)!;
}
