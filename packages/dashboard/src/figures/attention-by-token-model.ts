// The figure `attention-by-token` as data: how much attention goes to each class of tokens, layer by layer, runs side by side.
import type { v1 } from "@moescope/proto";
import { barLetter, lettersInWords } from "./bar-letters.ts";
import type { BarPanelsModel } from "./bar-panels-model.ts";
import { toCsv } from "./csv.ts";
import { niceCeiling } from "./nice-ceiling.ts";
import { seriesColours } from "./series-colours.ts";

/** A run and its newest probe. */
export interface ProbedRun {
  run: v1.RunDescription.$Properties;
  probe: v1.Probe.$Properties;
}

export interface AttentionByTokenModel {
  /** `other` is left out: with it, shares add up to 100. */
  classes: string[];
  runs: { run: string; step: number; layers: AttentionOfLayer[]; uniform: number | undefined }[];
  caption: string;
}

export interface AttentionOfLayer {
  layer: number;
  /** One for each class: percentage of the attention mass, mean of all heads; NaN where the probe has no such class. */
  percentages: number[];
}

/** The mean of all heads, as `AttentionByToken.head` says it. */
const ALL_HEADS = -1;

/**
 * @param runs a parent is put before the run that was fine-tuned from it
 * @param layers indices of the layers to show
 * @throws RangeError that names the runs without such a probe
 */
export function attentionByTokenModel(runs: readonly ProbedRun[], layers: readonly number[]): AttentionByTokenModel {
  const without = runs.filter(({ probe }) => meansOf(probe).length === 0).map(({ run }) => run.id);
  if (without.length > 0 || runs.length === 0) {
    throw new RangeError(
      `no attention was probed in ${without.join(", ") || "any run"}: train with probe.every above 0`,
    );
  }
  const ordered = parentsFirst(runs);
  const classes = classesOf(ordered);
  const words = lettersInWords(ordered.map(({ run, probe }) => `${run.name || run.id}, step ${probe.step ?? 0}`));
  return {
    classes,
    runs: ordered.map(({ run, probe }) => ({
      run: run.id ?? "",
      step: probe.step ?? 0,
      layers: layers.map((layer) => ({ layer, percentages: percentagesOf(probe, layer, classes) })),
      uniform: uniformOf(probe, classes),
    })),
    caption:
      `Share of the attention mass that goes to tokens of each class, mean of all heads and queries on the probe batch; the rest goes to ` +
      `other tokens. Dashed: what even attention over all earlier tokens would give these classes together. ${words}.`,
  };
}

/** @returns layers that the probe has the attention of, ascending */
export function attentionLayers(probe: v1.Probe.$Properties): number[] {
  return meansOf(probe)
    .map(({ layer }) => layer ?? 0)
    .sort((a, b) => a - b);
}

function meansOf(probe: v1.Probe.$Properties): readonly v1.AttentionByToken.$Properties[] {
  return (probe.attention ?? []).filter(({ head }) => head === ALL_HEADS);
}

/** A parent before the run that was fine-tuned from it, in every figure of both. */
export function parentsFirst(runs: readonly ProbedRun[]): ProbedRun[] {
  const isParentOf = (a: ProbedRun, b: ProbedRun) => (b.run.parent ?? "") !== "" && b.run.parent === a.run.id;
  return [...runs].sort((a, b) => Number(isParentOf(b, a)) - Number(isParentOf(a, b)));
}

function classesOf(runs: readonly ProbedRun[]): string[] {
  const named = runs.flatMap(({ probe }) => meansOf(probe).flatMap(({ tokenClass }) => tokenClass ?? []));
  return [...new Set(named)].filter((name) => name !== "other");
}

function percentagesOf(probe: v1.Probe.$Properties, layer: number, classes: readonly string[]): number[] {
  const found = meansOf(probe).find((each) => (each.layer ?? 0) === layer);
  return classes.map((name) => {
    const place = found?.tokenClass?.indexOf(name) ?? -1;
    return place < 0 ? Number.NaN : 100 * found!.share![place]!;
  });
}

/** @returns percentage; undefined when the probe does not say it of each class */
function uniformOf({ scalars = [] }: v1.Probe.$Properties, classes: readonly string[]): number | undefined {
  const shares = classes.map((name) => scalars.find((scalar) => scalar.name === `attention/uniform/${name}`)?.value);
  return shares.some((share) => share === undefined)
    ? undefined
    : shares.reduce<number>((sum, share) => sum + 100 * share!, 0);
}

export function attentionByTokenBars({ classes, runs, caption }: AttentionByTokenModel): BarPanelsModel {
  const colours = seriesColours(classes);
  const heights = runs.flatMap(({ layers, uniform = 0 }) => [
    uniform,
    ...layers.map(({ percentages }) => total(percentages)),
  ]);
  const layers = runs[0]?.layers.map(({ layer }) => layer) ?? [];
  return {
    title: "Attention by token class",
    caption,
    series: classes.map((name, place) => ({ name, colour: colours[place]! })),
    values: { title: "% of the attention mass", max: niceCeiling(Math.max(...heights)) },
    groupTitle: "layer",
    reference: "even attention",
    panels: [
      {
        title: "",
        groups: layers.map((layer, place) => ({
          label: String(layer),
          bars: runs.map(({ layers: own, uniform }, index) => ({
            ...(runs.length > 1 && { letter: barLetter(index) }),
            segments: own[place]!.percentages.map((value, series) => ({
              series,
              value: value || 0,
              ...(value > 0 && { label: value.toFixed(1) }),
            })),
            ...(uniform !== undefined && { reference: uniform }),
          })),
        })),
      },
    ],
  };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + (value || 0), 0);
}

/** The numbers behind the figure, one row for each segment, first the header. */
export function attentionByTokenTable({ classes, runs }: AttentionByTokenModel): (string | number)[][] {
  const rows = runs.flatMap(({ run, step, layers }) =>
    layers.flatMap(({ layer, percentages }) =>
      classes.map((name, place) => [run, step, layer, name, percentages[place]!]),
    ),
  );
  return [["run", "step", "layer", "token_class", "percent_of_attention"], ...rows];
}

export function attentionByTokenCsv(model: AttentionByTokenModel): string {
  return toCsv(attentionByTokenTable(model));
}
