// One optimizer update, and the evaluation of a model on fixed batches; everything it needs is built once, before training.
import type { v1 } from "@moescope/proto";
import { createStrategy, definitionOf } from "../balancing/combination.ts";
import { type BalancingStrategy, strategyOfLayer } from "../balancing/strategy.ts";
import { misfit, type NamedArray } from "../checkpoint/named-array.ts";
import type { Batch } from "../data/corpus.ts";
import { startValues } from "../model/initialise.ts";
import { type ForwardResult, forward, parameterSpecs } from "../model/transformer.ts";
import type { RouterControl, Routing } from "../moe/router.ts";
import { type RotaryTables, rotaryTables } from "../ops/attention.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import type { AdamW } from "../optimizer/adamw.ts";
import { createAdamW } from "../optimizer/create-adamw.ts";
import { learningRateAt } from "../optimizer/schedule.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { balancedRun } from "../recipe/recipe-check.ts";
import { RecipeError } from "../recipe/recipe-error.ts";
import { describeLayers } from "../recipe/run-description.ts";
import { type Scalar, type Tensor, type Tensor1D, tf } from "../runtime/tf.ts";
import { type BatchTensors, batchTensors } from "./batch-tensors.ts";
import {
  type BatchLosses,
  type Measured,
  type PackedShape,
  packMeasurements,
  unpackMeasurements,
} from "./measured-batch.ts";

export interface Trained extends Measured {
  learningRate: number;
  /** Length of the gradient over all parameters, before clipping. */
  gradientNorm: number;
}

/** When a forward pass happens. */
interface Moment {
  step: number;
  training: boolean;
  counting: boolean;
}

export class TrainStep {
  readonly parameters: number;
  readonly #recipe: Recipe;
  readonly #optimizer: AdamW;
  readonly #strategy: BalancingStrategy;
  readonly #rotary: RotaryTables;
  readonly #shape: PackedShape;

  /** @param categories number of token categories in the batches */
  constructor(recipe: Recipe, categories: number) {
    const { model, data, balancing, optimizer, seed } = recipe;
    const definition = definitionOf(balancing.strategy);
    const routerOf = (moeLayer: number) => (definition.ofLayer?.(moeLayer) ?? definition).router;
    const start = startValues(parameterSpecs(model, routerOf), seed);
    this.#recipe = recipe;
    this.parameters = start.reduce((sum, { values }) => sum + values.length, 0);
    this.#optimizer = createAdamW(start, optimizer);
    this.#strategy = createStrategy(balancing.strategy, balancing, balancedRun(recipe));
    this.#rotary = rotaryTables(data.sequence, model.width / model.heads);
    const layers = describeLayers(recipe);
    this.#shape = { layers, categories, droppable: model.capacityFactor > 0, strategy: this.#strategy };
  }

  /** The MoE layers as the run is described. */
  get layers(): readonly v1.MoeLayer[] {
    return this.#shape.layers;
  }

  /**
   * Forward, backward, one read-back, update. When the loss or the gradient is not finite, nothing is updated.
   *
   * @param step index of this update, from 0
   * @param counting false leaves routing uncounted, for measuring what counting costs: no histogram, and a strategy learns of no load
   */
  run(batch: Batch, step: number, counting = true): Trained {
    const learningRate = learningRateAt(step, this.#recipe.steps, this.#recipe.optimizer);
    return inScope(() => {
      const parameters = this.#optimizer.read();
      const tensors = this.#tensorsOf(batch);
      const { packed, gradients } = this.#forwardAndBackward(tensors, parameters, { step, training: true, counting });
      const squares = this.#optimizer.sumOfSquares(gradients);
      const [sum, numbers] = readTogether([squares, packed]);
      tf.dispose(parameters);
      const gradientNorm = Math.sqrt(sum![0]!);
      const { measured, observed } = unpackMeasurements(numbers!, tensors, this.#shape);
      if (Number.isFinite(measured.loss) && Number.isFinite(gradientNorm)) {
        this.#optimizer.apply(gradients, learningRate, Math.min(1, this.#recipe.optimizer.clipNorm / gradientNorm));
        if (counting) this.#strategy.afterStep?.(observed, step);
      }
      return { ...measured, learningRate, gradientNorm };
    });
  }

  /**
   * Loss and routing of a batch that nothing is learnt from; the selection bias stays as it is.
   *
   * @param look is shown the forward pass; its tensors live until `look` returns
   */
  evaluate(batch: Batch, look?: (pass: ForwardResult) => void): Measured {
    return inScope(() => {
      const tensors = this.#tensorsOf(batch);
      const { packed, pass } = this.#loss(tensors, this.#optimizer.read(), {
        step: 0,
        training: false,
        counting: true,
      });
      look?.(pass);
      return unpackMeasurements(packed.dataSync<"float32">(), tensors, this.#shape).measured;
    });
  }

  /** Everything that training changes: parameters, moments and updates of the optimizer, state of the strategy; the caller's own. */
  state(): NamedArray[] {
    const ofStrategy = Object.entries(this.#strategy.state?.() ?? {}).map(([name, values]): NamedArray => {
      return { name: `strategy/${name}`, shape: [values.length], values: values.slice() };
    });
    return [...this.#optimizer.state(), ...ofStrategy];
  }

  /**
   * Goes on from what `state` gave: the next step is the same, bit for bit, as it would have been there.
   *
   * @throws RecipeError that names what is of another shape, missing, or not of this model
   */
  restore(state: readonly NamedArray[]): void {
    const problem = misfit(this.state(), state);
    if (problem) throw new RecipeError(`The checkpoint does not fit the model: ${problem}`);
    this.#optimizer.restore(state);
    const byName = new Map(state.map(({ name, values }) => [name, values]));
    for (const [name, values] of Object.entries(this.#strategy.state?.() ?? {})) {
      values.set(byName.get(`strategy/${name}`)!);
    }
  }

  /**
   * Starts from the parameters of another run, with a fresh optimizer. What its strategy has learnt, such as a selection bias, belongs
   * to the model and is taken over where this run's strategy has the same.
   *
   * @throws RecipeError that names the parameters which do not fit
   */
  restoreParameters(state: readonly NamedArray[]): void {
    const fresh = this.state();
    const taken = state.filter((array) => {
      const isStrategys =
        array.name.startsWith("strategy/") &&
        !misfit(
          fresh.filter(({ name }) => name === array.name),
          [array],
        );
      return array.name.startsWith("parameter/") || isStrategys;
    });
    const names = new Set(taken.map(({ name }) => name));
    const kept = fresh.filter(({ name }) => !names.has(name) && !name.startsWith("parameter/"));
    this.restore([...taken, ...kept]);
  }

  dispose(): void {
    this.#optimizer.dispose();
    tf.dispose([this.#rotary.cosine, this.#rotary.sine]);
  }

  #tensorsOf(batch: Batch): BatchTensors {
    return batchTensors(batch, { ...this.#recipe.data, categories: this.#shape.categories });
  }

  #forwardAndBackward(
    batch: BatchTensors,
    parameters: Tensor[],
    moment: Moment,
  ): { packed: Tensor1D; gradients: Tensor[] } {
    let packed: Tensor1D | undefined;
    const { grads } = tf.engine().gradients(() => {
      const result = this.#loss(batch, parameters, moment);
      packed = tf.keep(result.packed);
      return result.loss;
    }, parameters);
    // From here the tidy around this call owns it.
    const owned = packed!.clone();
    packed!.dispose();
    return { packed: owned, gradients: grads };
  }

  /** The loss to minimise, and everything that is reported of the batch in one tensor. */
  #loss(
    batch: BatchTensors,
    parameters: Tensor[],
    moment: Moment,
  ): { loss: Scalar; packed: Tensor1D; pass: ForwardResult } {
    const byName = new Map(this.#optimizer.names.map((name, i) => [name, parameters[i]!]));
    const controls = this.#controls(batch, moment);
    const pass = forward(this.#recipe.model, byName, batch, this.#rotary, controls);
    const { logits_TV, routings } = pass;
    const losses = this.#losses(crossEntropy(logits_TV, batch.targets_T), routings, batch);
    const { strategy, droppable } = this.#shape;
    const measuring = { counting: moment.counting, droppable, strategy: moment.training ? strategy : undefined };
    return { loss: losses.loss, packed: packMeasurements(losses, routings, batch, measuring), pass };
  }

  #controls({ tokens_T }: BatchTensors, moment: Moment): RouterControl[] {
    return this.#shape.layers.map(({ index: layer }, moeLayer) => {
      const own = strategyOfLayer(this.#strategy, moeLayer);
      const bias = own.strategy.selectionBias?.(own.moeLayer);
      const context = { ...moment, layer, moeLayer: own.moeLayer, tokens_T, sequences: this.#recipe.data.batch };
      return { strategy: own.strategy, bias_E: bias && tf.tensor1d(bias), context };
    });
  }

  #losses(crossEntropy_T: Tensor1D, routings: readonly Routing[], batch: BatchTensors): BatchLosses {
    const mean = meanOverPredicted(crossEntropy_T, batch);
    const losses = routings.flatMap((routing, moeLayer) => {
      return strategyOfLayer(this.#strategy, moeLayer).strategy.layerLoss?.(routing) ?? [];
    });
    if (losses.length === 0) return { loss: mean, crossEntropy: mean, balanceLoss: tf.scalar(0), crossEntropy_T };
    const balanceLoss = tf.addN(losses) as Scalar;
    return { loss: tf.add(mean, balanceLoss) as Scalar, crossEntropy: mean, balanceLoss, crossEntropy_T };
  }
}

/** Image patches are seen but not predicted. */
function meanOverPredicted(
  crossEntropy_T: Tensor1D,
  { targetCategory_TC, predicted, patches_TP }: BatchTensors,
): Scalar {
  if (!patches_TP) return tf.mean(crossEntropy_T) as Scalar;
  const isPredicted_T = tf.sum(targetCategory_TC, 1) as Tensor1D;
  const count = predicted.reduce((sum, tokens) => sum + tokens, 0);
  return tf.div(tf.sum(tf.mul(crossEntropy_T, isPredicted_T)), count) as Scalar;
}

/** Like tf.tidy, for work that returns plain values. */
function inScope<Result>(work: () => Result): Result {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

/** One read-back for several tensors. */
function readTogether(tensors: Tensor[]): Float32Array[] {
  const all = tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1]) as Tensor1D)).dataSync<"float32">();
  let first = 0;
  return tensors.map(({ size }) => {
    first += size;
    return all.subarray(first - size, first);
  });
}
