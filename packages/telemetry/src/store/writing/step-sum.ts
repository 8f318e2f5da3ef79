// One step added up over the ranks that have arrived: what is stored as its metrics, shown live and kept in the run's summary.
import { accumulate, busiestExpert, setToSum, sumHistograms, summarizeLoad, totalLoad } from "@moescope/metrics";
import { v1 } from "@moescope/proto";

/** A step of a run, added up over the ranks that have sent it. */
export interface SumOfRanks {
  /** How many ranks have arrived, and the lowest of them, whose scalars are shown as first and last. */
  ranks: number;
  lowestRank: number;
  /** One step wide, with every layer's categories, extremes and bias filled in. */
  bucket: v1.StepBucket;
}

export interface StepSum extends SumOfRanks {
  /** The expert with the highest load of each layer, over all categories. */
  busiest: ReadonlyMap<number, number>;
}

/**
 * Adds one rank's message to what the other ranks sent for the same step.
 *
 * @param message a valid step
 * @param others the sum so far; absent when this rank is the first
 * @param roomFor memory for the load of that many experts; what is in it does not matter
 */
export function addRank(
  message: v1.Step,
  others?: SumOfRanks,
  roomFor: (experts: number) => Float64Array = (experts) => new Float64Array(experts),
): StepSum {
  const lowest = others === undefined || message.rank < others.lowestRank;
  const ranks = (others?.ranks ?? 0) + 1;
  const busiest = new Map<number, number>();
  return {
    ranks,
    lowestRank: lowest ? message.rank : others.lowestRank,
    bucket: new v1.StepBucket({
      run: message.run,
      split: message.split,
      firstStep: message.step,
      lastStep: message.step,
      steps: 1,
      tokens: Math.max(message.tokens, others?.bucket.tokens ?? 0),
      time: Math.max(message.time, others?.bucket.time ?? 0),
      attempt: message.attempt,
      ranks,
      scalars: addScalars(message.scalars, others?.bucket.scalars ?? [], lowest),
      layers: addHistograms(message, others?.bucket.layers ?? [], busiest, roomFor),
    }),
    busiest,
  };
}

/** @param busiest takes in the busiest expert of each layer */
function addHistograms(
  message: v1.Step,
  before: readonly v1.LayerSummary[],
  busiest: Map<number, number>,
  roomFor: (experts: number) => Float64Array,
): v1.LayerSummary[] {
  const added = message.histograms.map((histogram) => {
    const other = before.find(({ layer }) => layer === histogram.layer);
    const load = roomFor(histogram.categories[0]?.counts.length ?? other?.countsMax.length ?? 0);
    return addHistogram(histogram, load, other, busiest);
  });
  const others = before.filter(({ layer }) => message.histograms.every((histogram) => histogram.layer !== layer));
  for (const { layer, countsMax } of others) busiest.set(layer, busiestExpert(countsMax));
  return [...added, ...others].sort((a, b) => a.layer - b.layer);
}

/** @param load is written: over all categories */
function addHistogram(
  histogram: v1.RoutingHistogram,
  load: Float64Array,
  before: v1.LayerSummary | undefined,
  busiest: Map<number, number>,
): v1.LayerSummary {
  // The first rank's categories are the sum as they are: what a CategoryRouting has more is not a sum's.
  const sent = histogram.categories.some(({ droppedCounts = [] }) => droppedCounts.length > 0)
    ? histogram.categories.map(withDropped)
    : histogram.categories;
  const categories = before === undefined ? byNumber(sent) : addCategories(sent, before.categories);
  putSum(load, categories);
  const { maxViolation, busiestExpert, deadExperts } = summarizeLoad(load);
  busiest.set(histogram.layer, busiestExpert);
  let [tokens, dropped] = [0, 0];
  for (const category of categories) {
    tokens += category.tokens;
    dropped += category.dropped;
  }
  const means = meansOf(histogram, before);
  const counts = numbers(load);
  // Not by the constructor, here and for summaries, which makes arrays that are not needed: hundreds are made a step.
  return {
    layer: histogram.layer,
    maxViolation: summaryOfOne("max_violation", maxViolation),
    ...{ deadExperts, tokens, dropped, categories, countsMin: counts, countsMax: counts },
    selectionBias: histogram.selectionBias.length > 0 ? histogram.selectionBias : (before?.selectionBias ?? []),
    gateMass: bothOf(histogram.gateMass, before?.gateMass),
    ...means,
  } as v1.LayerSummary;
}

function bothOf(numbersOf: readonly number[] = [], before: readonly number[] = []): number[] {
  if (before.length === 0 || numbersOf.length === 0) return (before.length === 0 ? numbersOf : before) as number[];
  return numbers(sumHistograms([numbersOf, before]));
}

function meansOf({ meanProbability = [], categories }: v1.RoutingHistogram, before: v1.LayerSummary | undefined) {
  const tokens = meanProbability.length === 0 ? 0 : categories.reduce((sum, category) => sum + category.tokens!, 0);
  const [known, knownTokens] = [before?.meanProbability ?? [], before?.probabilityTokens ?? 0];
  const probabilityTokens = tokens + knownTokens;
  if (tokens === 0) return { meanProbability: known, probabilityTokens };
  if (knownTokens === 0) return { meanProbability, probabilityTokens };
  const mean = Float64Array.from(meanProbability, (value, expert) => {
    return (value * tokens + known[expert]! * knownTokens) / probabilityTokens;
  });
  return { meanProbability: numbers(mean), probabilityTokens };
}

/** @param load takes in the sum over categories */
function putSum(load: Float64Array, categories: readonly (v1.CategoryRouting | v1.CategoryLoad)[]): void {
  if (categories.length === 0) load.fill(0);
  else if (categories.length === 1) load.set(categories[0]!.counts);
  else setToSum(load, categories[0]!.counts, categories[1]!.counts);
  for (let index = 2; index < categories.length; index++) accumulate(load, categories[index]!.counts);
}

function withDropped({ category, counts, tokens, droppedCounts, dropped }: v1.CategoryRouting): v1.CategoryRouting {
  return {
    category,
    counts,
    tokens,
    droppedCounts,
    dropped: dropped || totalLoad(droppedCounts),
  } as v1.CategoryRouting;
}

function byNumber(categories: v1.CategoryRouting[]): v1.CategoryRouting[] {
  const sorted = categories.every(({ category }, index) => index === 0 || categories[index - 1]!.category < category);
  return sorted ? categories : [...categories].sort((a, b) => a.category - b.category);
}

function addCategories(arrived: v1.CategoryRouting[], before: v1.CategoryLoad[]): v1.CategoryLoad[] {
  const categories = new Map(before.map((load) => [load.category, load]));
  for (const { category, counts, tokens, dropped, droppedCounts } of arrived) {
    const other = categories.get(category);
    const added = {
      category,
      counts: other === undefined ? counts : numbers(sumHistograms([counts, other.counts])),
      tokens: tokens + (other?.tokens ?? 0),
      dropped: dropped + (other?.dropped ?? 0),
      droppedCounts: bothOf(droppedCounts, other?.droppedCounts),
    };
    categories.set(category, new v1.CategoryLoad(added));
  }
  return [...categories.values()].sort((a, b) => a.category - b.category);
}

function addScalars(arrived: v1.Scalar[], before: v1.ScalarSummary[], lowest: boolean): v1.ScalarSummary[] {
  const scalars = new Map(before.map((scalar) => [scalar.name, scalar]));
  for (const { name, value } of arrived) {
    const one = summaryOfOne(name, value);
    const other = scalars.get(name);
    scalars.set(name, other === undefined ? one : addSummaries(one, other, lowest));
  }
  return [...scalars.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function addSummaries(one: v1.ScalarSummary, other: v1.ScalarSummary, oneIsLowest: boolean): v1.ScalarSummary {
  const nanValues = one.nanValues + other.nanValues;
  if (one.values === 0) return new v1.ScalarSummary({ ...other, nanValues });
  if (other.values === 0) return new v1.ScalarSummary({ ...one, nanValues });
  const shown = oneIsLowest ? one : other;
  return new v1.ScalarSummary({
    name: one.name,
    values: one.values + other.values,
    sum: one.sum + other.sum,
    first: shown.first,
    min: Math.min(one.min, other.min),
    max: Math.max(one.max, other.max),
    last: shown.last,
    nanValues,
  });
}

function summaryOfOne(name: string, value: number): v1.ScalarSummary {
  const summary = new v1.ScalarSummary();
  summary.name = name;
  summary.values = Number.isNaN(value) ? 0 : 1;
  summary.sum = summary.values === 0 ? 0 : value;
  summary.first = value;
  summary.min = value;
  summary.max = value;
  summary.last = value;
  summary.nanValues = 1 - summary.values;
  return summary;
}

// Messages take typed arrays as well; copying them into ordinary ones for every histogram would keep the garbage collector busy.
function numbers(values: Float64Array): number[] {
  return values as unknown as number[];
}
