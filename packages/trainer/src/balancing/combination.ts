// Strategies by name, alone or combined as in `loss-free-bias+auxiliary-loss+z-loss`.
import type { Scalar } from "../runtime/tf.ts";
import { tf } from "../runtime/tf.ts";
import { strategies } from "./index.ts";
import { definitionByRange, rangesOf } from "./layer-ranges.ts";
import { scheduled } from "./schedule.ts";
import type { BalancedRun, BalancingStrategy, Setting, StrategyDefinition } from "./strategy.ts";

/**
 * @returns the names of the parts, in the order in which they are written
 * @throws RangeError when ranges of layers are not
 */
export function partsOf(strategy: string): string[] {
  return rangesOf(strategy).flatMap((range) => range.strategy.split("+").map((name) => name.trim()));
}

/**
 * The definition of one strategy, or of several as one.
 *
 * @param strategy names from the table of strategies, with "+" between them; or several of those by range of layers (layer-ranges.ts)
 * @throws RangeError when the parts do not go together; the message says why
 */
export function definitionOf(strategy: string): StrategyDefinition {
  const ranges = rangesOf(strategy);
  if (ranges[0]!.suffix !== "") {
    const parts = ranges.map((range) => ({ range, definition: definitionOf(range.strategy) }));
    return definitionByRange(strategy, parts);
  }
  const names = partsOf(strategy);
  const parts = names.map((name) => strategies[name]!);
  if (parts.length === 1) return scheduled(parts[0]!);
  refuseMisfits(names, parts);
  return scheduled({
    summary: parts.map(({ summary }) => summary).join("; "),
    kind: parts.find(({ kind }) => kind === "choice")?.kind ?? parts[0]!.kind,
    expertsChoose: parts.find(({ expertsChoose }) => expertsChoose)?.expertsChoose,
    scaled: parts.find(({ scaled }) => scaled)?.scaled,
    topKVaries: parts.find(({ topKVaries }) => topKVaries)?.topKVaries,
    defaults: Object.assign({}, ...parts.map(({ defaults }) => defaults)),
    formerly: Object.assign({}, ...parts.map(({ formerly }) => formerly)),
    model: Object.assign({}, ...parts.map(({ model }) => model)),
    router: Object.assign({}, ...parts.map(({ router }) => router)),
    create: (options, run) =>
      combine(
        names,
        parts.map((part) => part.create(options, run)),
      ),
  });
}

function refuseMisfits(names: readonly string[], parts: readonly StrategyDefinition[]): void {
  const refuse = (why: string) => {
    throw new RangeError(`Strategy "${names.join("+")}" makes no sense: ${why}`);
  };
  const named = (has: (part: StrategyDefinition) => unknown) => names.filter((_, i) => has(parts[i]!));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice) refuse(`"${twice}" is named twice`);
  const [baseline] = named(({ kind }) => kind === "baseline");
  if (baseline) refuse(`"${baseline}" stands for no balancing, so it stands alone`);
  const choosing = named(({ kind }) => kind === "choice");
  if (choosing.length > 1) refuse(`${choosing.join(" and ")} each decide which experts are chosen; keep one of them`);
  const [withoutRouter] = named(({ router }) => router?.learned === false);
  if (withoutRouter) refuse(`"${withoutRouter}" learns no router, so there is nothing for a loss to act on`);
  const [loss] = named(({ kind }) => kind === "balance-loss");
  const balanced = parts.find(({ balancedBecause }) => balancedBecause);
  if (loss && balanced) refuse(`"${loss}" has nothing to do, because ${balanced.balancedBecause}`);
}

function combine(names: readonly string[], parts: readonly BalancingStrategy[]): BalancingStrategy {
  const losses = parts.flatMap(({ layerLoss }) => (layerLoss ? [layerLoss] : []));
  const choosing = parts.find(
    ({ selectionBias, selectionScores, choose }) => selectionBias ?? selectionScores ?? choose,
  );
  return {
    ...choosing,
    addNoise: parts.find(({ addNoise }) => addNoise)?.addNoise,
    measure: parts.find(({ measure }) => measure)?.measure,
    measureSize: parts.find(({ measure }) => measure)?.measureSize,
    layerLoss: losses.length > 0 ? (routing) => tf.addN(losses.map((loss) => loss(routing))) as Scalar : undefined,
    afterStep: (observed, step) => {
      for (const part of parts) part.afterStep?.(observed, step);
    },
    state: () => Object.assign({}, ...parts.map((part, i) => prefixed(names[i]!, part.state?.() ?? {}))),
  };
}

function prefixed(name: string, state: Record<string, Float32Array>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(state).map(([key, values]) => [`${name}/${key}`, values]));
}

/** @throws RangeError when an option is out of range or the run is one the strategy makes no sense for */
export function createStrategy(
  strategy: string,
  options: Record<string, Setting>,
  run: BalancedRun,
): BalancingStrategy {
  return definitionOf(strategy).create(options, run);
}
