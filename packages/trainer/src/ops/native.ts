// Calls the fused operations of packages/trainer/native and TensorFlow's own raw ones through the tfjs backend.
import { type Tensor, tf } from "../runtime/tf.ts";

/** Must equal kVersion in native/version.cc. */
const NATIVE_OPS_VERSION = 5;

/** What tfjs-node-gpu's backend offers beyond tfjs's own interface. */
interface TensorflowBackend {
  binding: Record<string, number>;
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: Tensor[], outputs: number): Tensor[];
}

interface OpAttribute {
  name: string;
  type: number | undefined;
  value: unknown;
}

type AttributeKind =
  | "TF_ATTR_INT"
  | "TF_ATTR_FLOAT"
  | "TF_ATTR_BOOL"
  | "TF_ATTR_TYPE"
  | "TF_ATTR_SHAPE"
  | "TF_ATTR_STRING";

let available: boolean | undefined;

/** Whether the active backend is native TensorFlow with the fused operations of this version built in. */
export function hasNativeOps(): boolean {
  if (tf.getBackend() !== "tensorflow") return false;
  available ??= probe();
  return available;
}

function probe(): boolean {
  try {
    return tf.tidy(() => runNative("MoescopeVersion", []).dataSync()[0]) === NATIVE_OPS_VERSION;
  } catch {
    return false; // the op is not registered: an addon without, or with older, fused operations
  }
}

function backend(): TensorflowBackend {
  return tf.backend() as unknown as TensorflowBackend;
}

/** An attribute of a TensorFlow operation; `value` of kind TF_ATTR_TYPE is the name of a dtype constant, as in `TF_FLOAT`. */
export function attribute(name: string, kind: AttributeKind, value: unknown): OpAttribute {
  const { binding } = backend();
  return { name, type: binding[kind], value: kind === "TF_ATTR_TYPE" ? binding[value as string] : value };
}

/**
 * Runs one TensorFlow operation with one output. Invisible to the gradient tape: wrap it in `tf.customGrad` where gradients matter.
 *
 * @throws Error when TensorFlow refuses the inputs; the message is TensorFlow's
 */
export function runNative(name: string, inputs: Tensor[], attributes: OpAttribute[] = []): Tensor {
  return backend().executeSingleOutput(name, attributes, inputs);
}

/** The same for an operation with any number of outputs, none included. */
export function runNativeMany(
  name: string,
  inputs: Tensor[],
  outputs: number,
  attributes: OpAttribute[] = [],
): Tensor[] {
  return backend().executeMultipleOutputs(name, attributes, inputs, outputs);
}
