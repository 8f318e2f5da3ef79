// A strategy for each range of layers, as in `hash@0-2/loss-free-bias@3-`: DeepSeek-V4 routes its first three MoE layers by hash.
import type { BalancedRun, BalancingStrategy, LayerObservation, Setting, StrategyDefinition } from "./strategy.ts";

export interface LayerRange {
  /** Names with "+" between them. */
  strategy: string;
  /** First and last MoE layer, counted from 0; the last may be Infinity. */
  first: number;
  last: number;
  /** The range as it is written, `@0-2`: what its options end in. */
  suffix: string;
}

/**
 * The ranges of a strategy, or one without a suffix over all layers.
 *
 * @throws RangeError when a range is not one, or layers are left out or named twice
 */
export function rangesOf(strategy: string): LayerRange[] {
  if (!/[@/]/.test(strategy)) return [{ strategy, first: 0, last: Number.POSITIVE_INFINITY, suffix: "" }];
  const ranges = strategy.split("/").map(rangeOf);
  ranges.forEach(({ first, suffix }, i) => {
    const expected = i === 0 ? 0 : ranges[i - 1]!.last + 1;
    if (expected === Number.POSITIVE_INFINITY) {
      throw new RangeError(`Strategy "${strategy}": ${ranges[i - 1]!.suffix} leaves no layer to ${suffix}`);
    }
    if (first !== expected) {
      throw new RangeError(`Strategy "${strategy}": ${suffix} begins at MoE layer ${first}, expected ${expected}`);
    }
  });
  return ranges;
}

function rangeOf(text: string): LayerRange {
  const [, strategy, suffix, first, to, last] = /^([^@]+)(@(\d+)(-(\d*))?)$/.exec(text.trim()) ?? [];
  const range = {
    strategy: strategy?.trim() ?? "",
    suffix: suffix ?? "",
    first: Number(first),
    last: to === undefined ? Number(first) : last === "" ? Number.POSITIVE_INFINITY : Number(last),
  };
  if (strategy === undefined || range.last < range.first) {
    throw new RangeError(
      `"${text}" is no strategy of a range of layers; write NAME@FIRST-LAST, or NAME@FIRST- for all from there on`,
    );
  }
  return range;
}

/** One of several definitions, and the layers that it is for. */
export interface RangedDefinition {
  range: LayerRange;
  definition: StrategyDefinition;
}

/** Several definitions as one. Options are those of each, ending in its range: `balancing.speed@3-`. */
export function definitionByRange(strategy: string, parts: readonly RangedDefinition[]): StrategyDefinition {
  const merged = (of: "defaults" | "formerly") =>
    Object.assign({}, ...parts.map(({ range, definition }) => suffixed(definition[of] ?? {}, range.suffix)));
  return {
    summary: parts.map(({ range, definition }) => `layers ${range.suffix.slice(1)}: ${definition.summary}`).join("; "),
    kind: "choice",
    defaults: merged("defaults"),
    formerly: merged("formerly"),
    model: mergedModel(parts),
    ofLayer: (moeLayer) => parts.find(({ range }) => moeLayer <= range.last)!.definition,
    create: (options, run) => createByRange(strategy, parts, options, run),
  };
}

export function suffixed<Value>(options: Record<string, Value>, suffix: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [`${name}${suffix}`, value]));
}

/** @throws RangeError when two ranges want the model otherwise: it is the same in all layers */
function mergedModel(parts: readonly RangedDefinition[]): Record<string, Setting> {
  const model: Record<string, Setting> = {};
  for (const { range, definition } of parts) {
    for (const [name, value] of Object.entries(definition.model ?? {})) {
      if (Object.hasOwn(model, name) && model[name] !== value) {
        throw new RangeError(
          `${range.strategy}${range.suffix} needs model.${name}=${value}, an earlier range ${model[name]}: layers are all alike`,
        );
      }
      model[name] = value;
    }
  }
  return model;
}

function createByRange(
  strategy: string,
  parts: readonly RangedDefinition[],
  options: Record<string, Setting>,
  run: BalancedRun,
): BalancingStrategy {
  const last = run.moeLayers - 1;
  const { range } = parts.at(-1)!;
  if (range.last !== Number.POSITIVE_INFINITY ? range.last !== last : range.first > last) {
    throw new RangeError(
      `Strategy "${strategy}" ends with ${range.suffix}; the last of the ${run.moeLayers} MoE layers is ${last}`,
    );
  }
  const created = parts.map(({ range, definition }) => {
    const { first, suffix } = range;
    const moeLayers = Math.min(range.last, last) - first + 1;
    const own = Object.fromEntries(
      Object.keys(definition.defaults).map((name): [string, Setting] => [name, options[`${name}${suffix}`]!]),
    );
    // Each counts its layers from 0, and must not draw what another draws.
    const seed = run.seed + 7919 * first;
    return { range, moeLayers, strategy: definition.create(own, { ...run, moeLayers, seed }) };
  });
  return {
    ofLayer(moeLayer) {
      const { range, strategy } = created.find(({ range }) => moeLayer <= range.last)!;
      return { strategy, moeLayer: moeLayer - range.first };
    },
    afterStep(observed: readonly LayerObservation[], step) {
      for (const { range, moeLayers, strategy } of created) {
        strategy.afterStep?.(observed.slice(range.first, range.first + moeLayers), step);
      }
    },
    state: () =>
      Object.assign(
        {},
        ...created.map(({ range, strategy }) => {
          const state = Object.entries(strategy.state?.() ?? {});
          return Object.fromEntries(state.map(([name, values]) => [`${range.suffix.slice(1)}/${name}`, values]));
        }),
      ),
  };
}
