// One optimizer update, and the evaluation of a model on fixed batches; everything it needs is built once, before training.
//
// T tokens of a batch, C categories, V vocabulary.
import type { v1 } from "@moescope/proto";
import { strategies } from "./balancing/index.ts";
import type { BalancingStrategy } from "./balancing/strategy.ts";
import type { Batch } from "./data/corpus.ts";
import { startValues } from "./model/initialise.ts";
import { forward, moeLayersOf, parameterSpecs } from "./model/transformer.ts";
import { countRouting, loadsOf, routingHistogram } from "./moe/routing-counts.ts";
import { type RotaryTables, rotaryTables } from "./ops/attention.ts";
import { crossEntropy } from "./ops/cross-entropy.ts";
import type { AdamW } from "./optimizer/adamw.ts";
import { createAdamW } from "./optimizer/create-adamw.ts";
import { learningRateAt } from "./optimizer/schedule.ts";
import type { Recipe } from "./recipe.ts";
import { type Scalar, type Tensor, type Tensor1D, tf } from "./runtime/tf.ts";

export interface Measured {
  /** What was minimised, in nats: cross-entropy plus what the strategy adds. */
  loss: number;
  crossEntropy: number;
  balanceLoss: number;
  histograms: v1.RoutingHistogram.$Properties[];
}

export interface Trained extends Measured {
  learningRate: number;
  /** Length of the gradient over all parameters, before clipping. */
  gradientNorm: number;
}

/** The numbers at the head of a read-back, before the counts. */
const HEAD = 3;

export class TrainStep {
  readonly parameters: number;
  readonly #recipe: Recipe;
  readonly #categories: number;
  readonly #optimizer: AdamW;
  readonly #strategy: BalancingStrategy;
  readonly #rotary: RotaryTables;
  readonly #moeLayers: number[];

  /** @param categories number of token categories in the batches */
  constructor(recipe: Recipe, categories: number) {
    const { model, data, balancing, optimizer, seed, steps } = recipe;
    const start = startValues(parameterSpecs(model), seed);
    this.#recipe = recipe;
    this.#categories = categories;
    this.#moeLayers = moeLayersOf(model);
    this.parameters = start.reduce((sum, { values }) => sum + values.length, 0);
    this.#optimizer = createAdamW(start, optimizer);
    const balanced = { moeLayers: this.#moeLayers.length, experts: model.experts, topK: model.topK, steps };
    this.#strategy = strategies[balancing.strategy]!.create(balancing, balanced);
    this.#rotary = rotaryTables(data.sequence, model.width / model.heads);
  }

  /**
   * Forward, backward, one read-back, update. When the loss or the gradient is not finite, nothing is updated.
   *
   * @param step index of this update, from 0
   */
  run(batch: Batch, step: number): Trained {
    const learningRate = learningRateAt(step, this.#recipe.steps, this.#recipe.optimizer);
    return inScope(() => {
      const parameters = this.#optimizer.read();
      const { packed, gradients } = this.#forwardAndBackward(batch, parameters);
      const squares = this.#optimizer.sumOfSquares(gradients);
      const [sum, numbers] = readTogether([squares, packed]);
      tf.dispose(parameters);
      const gradientNorm = Math.sqrt(sum![0]!);
      const measured = this.#unpack(numbers!, batch);
      if (Number.isFinite(measured.loss) && Number.isFinite(gradientNorm)) {
        this.#optimizer.apply(gradients, learningRate, Math.min(1, this.#recipe.optimizer.clipNorm / gradientNorm));
        this.#strategy.afterStep?.(measured.histograms.map(loadsOf), step);
      }
      return { ...measured, learningRate, gradientNorm };
    });
  }

  /** Loss and routing of batches that nothing is learnt from; the selection bias stays as it is. */
  evaluate(batch: Batch): Measured {
    return inScope(() => {
      const parameters = this.#optimizer.read();
      const { packed } = this.#loss(batch, parameters);
      return this.#unpack(packed.dataSync<"float32">(), batch);
    });
  }

  dispose(): void {
    this.#optimizer.dispose();
    tf.dispose([this.#rotary.cosine, this.#rotary.sine]);
  }

  #forwardAndBackward(batch: Batch, parameters: Tensor[]): { packed: Tensor1D; gradients: Tensor[] } {
    let packed: Tensor1D | undefined;
    const { grads } = tf.engine().gradients(() => {
      const result = this.#loss(batch, parameters);
      packed = tf.keep(result.packed);
      return result.loss;
    }, parameters);
    // From here the tidy around this call owns it.
    const owned = packed!.clone();
    packed!.dispose();
    return { packed: owned, gradients: grads };
  }

  /** The loss to minimise, and everything that is reported of the batch in one tensor. */
  #loss(batch: Batch, parameters: Tensor[]): { loss: Scalar; packed: Tensor1D } {
    const { model } = this.#recipe;
    const { inputs_T, targets_T, category_TC } = this.#tensorsOf(batch);
    const byName = new Map(this.#optimizer.names.map((name, i) => [name, parameters[i]!]));
    const bias = this.#moeLayers.map((_, moeLayer) => {
      const values = this.#strategy.selectionBias?.(moeLayer);
      return values && tf.tensor1d(values);
    });
    const { logits_TV, routings } = forward(model, byName, inputs_T, this.#rotary, bias);
    const crossEntropyMean = tf.mean(crossEntropy(logits_TV, targets_T)) as Scalar;
    const layerLosses = this.#strategy.layerLoss ? routings.map(this.#strategy.layerLoss) : [];
    const balanceLoss = layerLosses.length > 0 ? (tf.addN(layerLosses) as Scalar) : tf.scalar(0);
    const loss = layerLosses.length > 0 ? (tf.add(crossEntropyMean, balanceLoss) as Scalar) : crossEntropyMean;
    const counts = tf.reshape(countRouting(routings, category_TC), [-1]) as Tensor1D;
    return { loss, packed: tf.concat([tf.stack([loss, crossEntropyMean, balanceLoss]) as Tensor1D, counts]) };
  }

  #tensorsOf({ tokens, categories }: Batch) {
    const { batch, sequence } = this.#recipe.data;
    const rows = tf.tensor2d(tokens, [batch, sequence + 1], "int32");
    const category_TC = new Float32Array(batch * sequence * this.#categories);
    for (let token = 0; token < batch * sequence; token++) {
      category_TC[token * this.#categories + categories[Math.floor(token / sequence)]!] = 1;
    }
    return {
      inputs_T: tf.reshape(tf.slice(rows, [0, 0], [batch, sequence]), [-1]) as Tensor1D,
      targets_T: tf.reshape(tf.slice(rows, [0, 1], [batch, sequence]), [-1]) as Tensor1D,
      category_TC: tf.tensor2d(category_TC, [batch * sequence, this.#categories]),
    };
  }

  #unpack(packed: Float32Array, batch: Batch): Measured {
    const { experts, topK } = this.#recipe.model;
    const tokens = new Float64Array(this.#categories);
    for (const category of batch.categories) tokens[category]! += this.#recipe.data.sequence;
    const counted = { sums: packed.subarray(HEAD), tokens, experts, topK };
    return {
      loss: packed[0]!,
      crossEntropy: packed[1]!,
      balanceLoss: packed[2]!,
      histograms: this.#moeLayers.map((layer, index) => {
        return routingHistogram(counted, index, layer, this.#strategy.selectionBias?.(index));
      }),
    };
  }
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
