// What the two modality figures say in a sentence.
import { deadExperts, totalLoad } from "@moescope/metrics";
import type { ModalityByExpertModel } from "../../figures/modality-by-expert-model.ts";
import type { ModalityShareModel } from "../../figures/modality-share-model.ts";
import { formatPercent } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";

/** @returns for each category, the expert that gets the most of it, against an even spread */
export function byExpertSentence({ categories, layers }: ModalityByExpertModel): string {
  const parts = categories.flatMap((category, place) => {
    const bars = layers.flatMap(({ layer, percentages }) =>
      [...percentages[place]!].map((value, expert) => ({ layer, expert, value })),
    );
    const peak = bars.reduce((a, b) => (b.value > a.value ? b : a), { layer: 0, expert: 0, value: 0 });
    if (peak.value === 0) return [];
    return [`${formatPercent(peak.value / 100)} of ${category} goes to expert ${peak.expert} of layer ${peak.layer}`];
  });
  if (parts.length === 0) return "No tokens in these steps.";
  const experts = layers[0]!.percentages[0]!.length;
  return `At most, ${joinWords(parts)}; spread evenly it would be ${formatPercent(1 / experts)}.`;
}

/** @returns the expert with the most and the one with the least of the first category; the few tokens of dead experts say nothing */
export function shareSentence({ categories, layers }: ModalityShareModel): string {
  if (categories.length < 2) return "All tokens of this run are of one category.";
  const bars = layers.flatMap(({ layer, experts }) => {
    const dead = deadExperts(experts.map(({ counts }) => totalLoad(counts)));
    return experts
      .filter((_, place) => !dead.includes(place))
      .map(({ expert, percentages }) => ({ layer, expert, value: percentages[0]! }));
  });
  const told = bars.filter(({ value }) => !Number.isNaN(value)).sort((a, b) => b.value - a.value);
  const [most, least] = [told[0], told.at(-1)];
  if (most === undefined || least === undefined) return "No tokens in these steps.";
  const end = ({ layer, expert, value }: typeof most) =>
    `${formatPercent(value / 100)} in expert ${expert} of layer ${layer}`;
  return `The share of ${categories[0]} goes from ${end(least)} to ${end(most)}; an expert that does not care has ${formatPercent(1 / categories.length)}.`;
}
