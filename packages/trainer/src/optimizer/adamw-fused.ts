// AdamW in one pass over resource variables, by the operations of native/adamw.cc.
import type { NamedArray } from "../checkpoint/named-array.ts";
import { attribute, runNative, runNativeMany } from "../ops/native.ts";
import { type Scalar, type Tensor, tf } from "../runtime/tf.ts";
import type { AdamW, AdamWOptions, StartValue } from "./adamw.ts";
import { findState, kinds, readState } from "./optimizer-state.ts";

let created = 0;

export class FusedAdamW implements AdamW {
  readonly names: readonly string[];
  readonly #variables: Tensor[];
  readonly #firstMoments: Tensor[];
  readonly #secondMoments: Tensor[];
  readonly #decay: Tensor;
  readonly #options: AdamWOptions;
  #steps = 0;

  constructor(start: readonly StartValue[], options: AdamWOptions) {
    const optimizer = created++;
    const variables = (kind: string, values: (parameter: StartValue) => Float32Array) =>
      start.map((parameter) => {
        return createVariable(`moescope/${optimizer}/${kind}/${parameter.name}`, parameter.shape, values(parameter));
      });
    const zeros = ({ values }: StartValue) => new Float32Array(values.length);
    this.names = start.map(({ name }) => name);
    this.#variables = variables("value", ({ values }) => values);
    this.#firstMoments = variables("first-moment", zeros);
    this.#secondMoments = variables("second-moment", zeros);
    this.#decay = tf.keep(tf.tensor1d(start.map(({ decay }) => (decay ? options.weightDecay : 0))));
    this.#options = options;
  }

  read(): Tensor[] {
    return this.#variables.map(readVariable);
  }

  sumOfSquares(gradients: readonly Tensor[]): Scalar {
    const count = [attribute("N", "TF_ATTR_INT", gradients.length)];
    return runNative("MoescopeSumOfSquares", [...gradients], count) as Scalar;
  }

  apply(gradients: readonly Tensor[], learningRate: number, gradientScale: number): void {
    const { beta1, beta2, epsilon } = this.#options;
    const step = ++this.#steps;
    tf.tidy(() => {
      const settings = tf.tensor1d([
        learningRate,
        beta1,
        beta2,
        epsilon,
        gradientScale,
        1 - beta1 ** step,
        1 - beta2 ** step,
      ]);
      runNativeMany(
        "MoescopeAdamW",
        [...this.#variables, ...this.#firstMoments, ...this.#secondMoments, ...gradients, settings, this.#decay],
        0,
        [attribute("N", "TF_ATTR_INT", gradients.length)],
      );
    });
  }

  state(): NamedArray[] {
    const tensors = [this.#variables, this.#firstMoments, this.#secondMoments].map((all) => all.map(readVariable));
    const state = readState(this.names, tensors, this.#steps);
    tf.dispose(tensors.flat());
    return state;
  }

  restore(state: readonly NamedArray[]): void {
    const found = findState(state);
    [this.#variables, this.#firstMoments, this.#secondMoments].forEach((variables, i) => {
      variables.forEach((variable, j) => {
        const { values, shape } = found.of(kinds[i]!, this.names[j]!);
        assignVariable(variable, values, shape);
      });
    });
    this.#steps = found.updates();
  }

  dispose(): void {
    for (const variable of [...this.#variables, ...this.#firstMoments, ...this.#secondMoments]) {
      runNativeMany("DestroyResourceOp", [variable], 0, [attribute("ignore_lookup_error", "TF_ATTR_BOOL", true)]);
      variable.dispose();
    }
    this.#decay.dispose();
  }
}

function createVariable(name: string, shape: number[], values: Float32Array): Tensor {
  const handle = tf.keep(
    runNative(
      "VarHandleOp",
      [],
      [
        attribute("dtype", "TF_ATTR_TYPE", "TF_FLOAT"),
        attribute("shape", "TF_ATTR_SHAPE", shape),
        attribute("shared_name", "TF_ATTR_STRING", name),
        attribute("container", "TF_ATTR_STRING", ""),
      ],
    ),
  );
  assignVariable(handle, values, shape);
  return handle;
}

function readVariable(handle: Tensor): Tensor {
  return runNative("ReadVariableOp", [handle], [attribute("dtype", "TF_ATTR_TYPE", "TF_FLOAT")]);
}

function assignVariable(handle: Tensor, values: Float32Array, shape: number[]): void {
  tf.tidy(() => {
    const value = tf.tensor(values, shape, "float32");
    runNativeMany("AssignVariableOp", [handle, value], 0, [attribute("dtype", "TF_ATTR_TYPE", "TF_FLOAT")]);
  });
}
