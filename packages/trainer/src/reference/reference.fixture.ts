// Reads the fixtures of golden/reference and compares with them; tools/torch-fixtures writes them.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type Tensor, tf } from "../runtime/tf.ts";

/** Floats as they stand in a fixture: base64 of little-endian float32. */
export interface StoredArray {
  shape: number[];
  float32: string;
}

/** @param name of a file in golden/reference */
export function readReference<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`../../golden/reference/${name}.json`, import.meta.url), "utf8")) as Content;
}

export function valuesOf({ float32 }: StoredArray): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(float32, "base64"));
  return new Float32Array(bytes.buffer);
}

export function tensorOf<Kind extends Tensor = Tensor>(stored: StoredArray): Kind {
  return tf.tensor(valuesOf(stored), stored.shape, "float32") as Kind;
}

/** Runs `work` and frees every tensor it made; plain numbers come out. */
export function computed<Result>(work: () => Result): Result {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

/** How far a value may be from the reference: 1e-5 of it on native TensorFlow, 1e-4 elsewhere. */
function tolerance(): number {
  return tf.getBackend() === "tensorflow" ? 1e-5 : 1e-4;
}

/**
 * Every value within the tolerance, relative to its own size, or to the root mean square of them all where it is smaller than that:
 * a sum that cancels has no more exact digits than its terms had.
 */
export function expectClose(
  actual: Tensor | ArrayLike<number> | number,
  expected: StoredArray | ArrayLike<number> | number,
  what: string,
): void {
  const [a, b] = [numbersOf(actual), numbersOf(expected)];
  expect(a.length, `${what}: how many values`).toBe(b.length);
  const scale = Math.sqrt(b.reduce((sum, value) => sum + value * value, 0) / b.length);
  let [worst, at] = [0, 0];
  b.forEach((value, i) => {
    const difference = Math.abs(a[i]! - value) / Math.max(Math.abs(value), scale, Number.MIN_VALUE);
    const error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    if (error > worst) [worst, at] = [error, i];
  });
  expect(worst, `${what}[${at}] is ${a[at]}, PyTorch has ${b[at]}; relative difference`).toBeLessThanOrEqual(
    tolerance(),
  );
}

function numbersOf(values: Tensor | StoredArray | ArrayLike<number> | number): number[] {
  if (typeof values === "number") return [values];
  if (values instanceof tf.Tensor) return Array.from(values.dataSync<"float32">());
  return Array.from("float32" in values ? valuesOf(values) : values);
}
