// What the bars of the two modality figures say when pointed at.
import type { SheetReading } from "../../components/sheet-reading.ts";
import type { ModalityByExpertModel } from "../../figures/modality-by-expert-model.ts";
import type { ModalityShareModel } from "../../figures/modality-share-model.ts";
import { formatPercent, formatWhole } from "../../format/number.ts";

/** Place of a bar in its figure: panel, group in it, bar in that. */
export interface BarPlace {
  panel: number;
  group: number;
  bar: number;
}

/** The layer and expert that a bar is about. */
export interface LayerExpert {
  layer: number;
  expert: number;
}

export function byExpertTarget({ layers }: ModalityByExpertModel, { panel, group }: BarPlace): LayerExpert {
  return { layer: layers[panel]!.layer, expert: group };
}

export function byExpertReading({ categories, layers }: ModalityByExpertModel, place: BarPlace): SheetReading {
  const { layer, counts, percentages } = layers[place.panel]!;
  const category = categories[place.bar]!;
  return {
    title: `Layer ${layer}, expert ${place.group}`,
    lines: [
      `${formatPercent(percentages[place.bar]![place.group]! / 100)} of ${category}`,
      `${formatWhole(counts[place.bar]![place.group]!)} assignments`,
    ],
  };
}

export function shareTarget({ layers }: ModalityShareModel, { panel, group }: BarPlace): LayerExpert {
  const { layer, experts } = layers[panel]!;
  return { layer, expert: experts[group]!.expert };
}

/** The whole bar, the segment pointed at first. */
export function shareReading(
  { categories, layers }: ModalityShareModel,
  { panel, group }: BarPlace,
  series: number | undefined,
): SheetReading {
  const { layer, experts } = layers[panel]!;
  const { expert, counts, percentages } = experts[group]!;
  const order = categories.map((_, place) => place).sort((a, b) => Number(b === series) - Number(a === series));
  return {
    title: `Layer ${layer}, expert ${expert}`,
    lines: order.map(
      (place) =>
        `${formatPercent(percentages[place]! / 100)} ${categories[place]}, ${formatWhole(counts[place]!)} assignments`,
    ),
  };
}
