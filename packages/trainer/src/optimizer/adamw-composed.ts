// AdamW as plain tfjs operations, for backends without the fused one.
import type { NamedArray } from "../checkpoint/named-array.ts";
import { type Scalar, type Tensor, tf } from "../runtime/tf.ts";
import type { AdamW, AdamWOptions, StartValue } from "./adamw.ts";
import { findState, readState } from "./optimizer-state.ts";

interface Parameter {
  value: Tensor;
  firstMoment: Tensor;
  secondMoment: Tensor;
  weightDecay: number;
}

export class ComposedAdamW implements AdamW {
  readonly names: readonly string[];
  readonly #parameters: Parameter[];
  readonly #options: AdamWOptions;
  #steps = 0;

  constructor(start: readonly StartValue[], options: AdamWOptions) {
    this.names = start.map(({ name }) => name);
    this.#options = options;
    this.#parameters = start.map(({ values, shape, decay }) => ({
      value: tf.keep(tf.tensor(values, shape, "float32")),
      firstMoment: tf.keep(tf.zeros(shape)),
      secondMoment: tf.keep(tf.zeros(shape)),
      weightDecay: decay ? options.weightDecay : 0,
    }));
  }

  read(): Tensor[] {
    return this.#parameters.map(({ value }) => value.clone());
  }

  sumOfSquares(gradients: readonly Tensor[]): Scalar {
    return tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))) as Scalar;
  }

  apply(gradients: readonly Tensor[], learningRate: number, gradientScale: number): void {
    const step = ++this.#steps;
    this.#parameters.forEach((parameter, i) => {
      const updated = tf.tidy(() => this.#update(parameter, tf.mul(gradients[i]!, gradientScale), learningRate, step));
      replace(parameter, updated);
    });
  }

  #update({ value, firstMoment, secondMoment, weightDecay }: Parameter, gradient: Tensor, rate: number, step: number) {
    const { beta1, beta2, epsilon } = this.#options;
    const m = tf.add(tf.mul(firstMoment, beta1), tf.mul(gradient, 1 - beta1));
    const v = tf.add(tf.mul(secondMoment, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const towards = tf.div(tf.div(m, 1 - beta1 ** step), tf.add(tf.sqrt(tf.div(v, 1 - beta2 ** step)), epsilon));
    return {
      value: tf.sub(tf.mul(value, 1 - rate * weightDecay), tf.mul(towards, rate)),
      firstMoment: m,
      secondMoment: v,
    };
  }

  state(): NamedArray[] {
    const tensors = (["value", "firstMoment", "secondMoment"] as const).map((kind) => {
      return this.#parameters.map((parameter) => parameter[kind]);
    });
    return readState(this.names, tensors, this.#steps);
  }

  restore(state: readonly NamedArray[]): void {
    const found = findState(state);
    this.#parameters.forEach((parameter, i) => {
      const tensor = (kind: Parameters<typeof found.of>[0]) => {
        const { values, shape } = found.of(kind, this.names[i]!);
        return tf.tensor(values.slice(), shape, "float32");
      };
      replace(parameter, {
        value: tensor("parameter"),
        firstMoment: tensor("first-moment"),
        secondMoment: tensor("second-moment"),
      });
    });
    this.#steps = found.updates();
  }

  dispose(): void {
    for (const { value, firstMoment, secondMoment } of this.#parameters) tf.dispose([value, firstMoment, secondMoment]);
  }
}

function replace(parameter: Parameter, by: Omit<Parameter, "weightDecay">): void {
  tf.dispose([parameter.value, parameter.firstMoment, parameter.secondMoment]);
  parameter.value = tf.keep(by.value);
  parameter.firstMoment = tf.keep(by.firstMoment);
  parameter.secondMoment = tf.keep(by.secondMoment);
}
