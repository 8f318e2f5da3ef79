// Gate mass and mean probability as they are stored: one number for each expert of a layer, in 8 significant bits. That is bfloat16: the
// first 16 bits of a number of 32, rounded to nearest, and to even where two are as near. NaN and infinities stay what they are.
import type { v1 } from "@moescope/proto";

type Histogram = v1.RoutingHistogram;
type Category = v1.CategoryRouting;

/**
 * Gives a step's gate mass and mean probability the form in which they are stored, so that what is added up and shown before it is stored
 * is what is read afterwards. What was read from a store stays as it is.
 *
 * @param step valid; changed
 */
export function asStored({ histograms }: v1.Step): void {
  for (const histogram of histograms as Histogram[]) {
    if (histogram.categories.some(hasGates)) sumUp(histogram, histogram.categories as Category[]);
    histogram.gateMass = rounded(histogram.gateMass);
    histogram.meanProbability = rounded(histogram.meanProbability);
  }
}

function hasGates({ gateMass, meanProbability }: v1.CategoryRouting.$Properties): boolean {
  return Boolean(gateMass?.length || meanProbability?.length);
}

/** Protocol 1 has both for each category: their sum, and their mean by tokens. */
function sumUp(histogram: Histogram, categories: Category[]): void {
  const experts = categories[0]!.counts.length;
  const [masses, means] = [new Float64Array(experts), new Float64Array(experts)];
  let tokens = 0;
  for (const category of categories) {
    category.gateMass.forEach((mass, expert) => {
      masses[expert]! += mass;
    });
    category.meanProbability.forEach((mean, expert) => {
      means[expert]! += mean * category.tokens;
    });
    if (category.meanProbability.length > 0) tokens += category.tokens;
  }
  if (categories.some(({ gateMass }) => gateMass.length > 0)) histogram.gateMass = numbers(Float32Array.from(masses));
  if (tokens > 0) histogram.meanProbability = numbers(Float32Array.from(means, (sum) => sum / tokens));
  for (const category of categories) Object.assign(category, { gateMass: [], meanProbability: [] });
}

function rounded(values: readonly number[] = []): number[] {
  if (values.length === 0) return values as number[];
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let index = 0; index < bits.length; index++) bits[index] = bfloat16(bits[index]!) << 16;
  return numbers(floats);
}

/**
 * Writes the first 16 bits of numbers: of positive ones, the larger has the larger.
 *
 * @param values as `asStored` leaves them
 */
export function putFirstHalves(values: ArrayLike<number>, halves: Uint16Array): void {
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let index = 0; index < bits.length; index++) halves[index] = bits[index]! >>> 16;
}

const NAN = 0x7fc0;
const SIGN = 0x8000_0000;
const INFINITY = 0x7f80_0000;

function bfloat16(bits: number): number {
  return (bits & ~SIGN) > INFINITY ? NAN : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

// Messages declare ordinary arrays and take typed ones as well.
function numbers(values: Float32Array): number[] {
  return values as unknown as number[];
}
