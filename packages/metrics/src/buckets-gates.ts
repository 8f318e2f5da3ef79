// Gate mass and mean router probability of a layer, added up over categories, ranks and steps.
import type { v1 } from "@moescope/proto";
import { declared, lengthened, longest, NONE, type RoomFor, sumOfNumbers } from "./buckets-numbers.ts";

type Histogram = v1.RoutingHistogram.$Properties;

/** The fields of a LayerSummary: a mean for each expert, and the tokens that it is over. */
export interface Means {
  meanProbability: number[];
  probabilityTokens: number;
}

export const NO_MEANS: Means = { meanProbability: NONE, probabilityTokens: 0 };

/** Adds a mean over more tokens. A mean over no token says nothing. @param sum with `ownNumbers`; changed */
export function addMeans(sum: Means, { meanProbability = NONE, probabilityTokens = 0 }: Partial<Means>): void {
  if (meanProbability.length === 0 || probabilityTokens === 0) return;
  sum.probabilityTokens += probabilityTokens;
  const weight = probabilityTokens / sum.probabilityTokens;
  const means = lengthened(sum.meanProbability, meanProbability.length);
  for (let expert = 0; expert < means.length; expert++) {
    means[expert]! += ((meanProbability[expert] ?? 0) - means[expert]!) * weight;
  }
  sum.meanProbability = declared(means);
}

/**
 * Gate mass of a layer with that of more ranks. Protocol 1 has that of each category, which add up to the layer's.
 *
 * @returns numbers that may be those of a part
 */
export function gateMassOf(before: number[], histograms: readonly Histogram[], roomFor: RoomFor): number[] {
  const parts = [before];
  for (const { gateMass = NONE, categories = [] } of histograms) {
    if (gateMass.length > 0) parts.push(gateMass);
    else for (const { gateMass = NONE } of categories) parts.push(gateMass);
  }
  return sumOfNumbers(parts, roomFor);
}

/** As `gateMassOf`: mean probability, weighted by the tokens that it is a mean over. */
export function meansOf(before: Means, histograms: readonly Histogram[], roomFor: RoomFor): Means {
  const parts = [before];
  for (const { meanProbability = NONE, categories = [] } of histograms) {
    if (meanProbability.length > 0) {
      parts.push({ meanProbability, probabilityTokens: categories.reduce((sum, { tokens = 0 }) => sum + tokens, 0) });
    } else {
      for (const { meanProbability = NONE, tokens = 0 } of categories) {
        parts.push({ meanProbability, probabilityTokens: tokens });
      }
    }
  }
  return sumOfMeans(parts, roomFor);
}

function sumOfMeans(parts: readonly Means[], roomFor: RoomFor): Means {
  const given = parts.filter((part) => part.meanProbability.length > 0 && part.probabilityTokens > 0);
  if (given.length < 2) return given[0] ?? NO_MEANS;
  const experts = longest(given.map(({ meanProbability }) => meanProbability));
  const sum = { meanProbability: declared(roomFor(experts).fill(0)), probabilityTokens: 0 };
  for (const part of given) addMeans(sum, part);
  return sum;
}
