// The names under which an optimizer's state is kept, and how it is read back and found again.
import type { NamedArray } from "../checkpoint/named-array.ts";
import type { Tensor } from "../runtime/tf.ts";

/** What is kept of each parameter. */
export const kinds = ["parameter", "first-moment", "second-moment"] as const;

/** Exact up to 2^24 updates, as every whole number in 32-bit floats. */
const updatesName = "optimizer/updates";

/** @param tensors of one kind each, in the order of `kinds` and of `names` */
export function readState(
  names: readonly string[],
  tensors: readonly (readonly Tensor[])[],
  updates: number,
): NamedArray[] {
  const arrays = kinds.flatMap((kind, i) => {
    return names.map((name, j) => readBack(`${kind}/${name}`, tensors[i]![j]!));
  });
  return [...arrays, { name: updatesName, shape: [], values: Float32Array.of(updates) }];
}

/** On some backends what is read back is the tensor's own memory: hence the copy. */
function readBack(name: string, tensor: Tensor): NamedArray {
  return { name, shape: [...tensor.shape], values: tensor.dataSync<"float32">().slice() };
}

/** @throws Error when something is not there */
export function findState(state: readonly NamedArray[]) {
  const byName = new Map(state.map((array) => [array.name, array]));
  const find = (name: string): NamedArray => {
    const array = byName.get(name);
    if (!array) throw new Error(`the state of the optimizer has no "${name}"`);
    return array;
  };
  return {
    of: (kind: (typeof kinds)[number], parameter: string) => find(`${kind}/${parameter}`),
    updates: () => find(updatesName).values[0]!,
  };
}
