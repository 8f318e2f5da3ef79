// Start values of the parameters: the same for the same seed on every backend.
import { normalValues } from "../data/normal.ts";
import { hashText, Random } from "../data/random.ts";
import type { StartValue } from "../optimizer/adamw.ts";
import type { ParameterSpec } from "./transformer.ts";

/** Key of the random streams for parameters; those of data have others. */
const STREAM = 3;

/** Every parameter draws from a stream of its own, so adding one does not change the others. */
export function startValues(specs: readonly ParameterSpec[], seed: number): StartValue[] {
  return specs.map(({ name, shape, start, decay }) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const random = new Random(STREAM, seed, hashText(name));
    return { name, shape, decay, values: valuesOf(start, shape, size, random) };
  });
}

function valuesOf(start: ParameterSpec["start"], shape: number[], size: number, random: Random): Float32Array {
  if (start === "ones") return new Float32Array(size).fill(1);
  if (start === "orthogonal") return orthogonalColumns(shape[0]!, shape[1]!, random);
  return normalValues(size, start, random);
}

/** Normal columns made orthogonal to those before them (Gram and Schmidt) and of length 1; row-major [rows, columns], rows ≥ columns. */
function orthogonalColumns(rows: number, columns: number, random: Random): Float32Array {
  const found: Float32Array[] = [];
  for (let column = 0; column < columns; column++) {
    const values = normalValues(rows, 1, random);
    for (const other of found) addMultiple(values, other, -dot(values, other));
    const length = Math.sqrt(dot(values, values));
    found.push(values.map((value) => value / length));
  }
  return Float32Array.from({ length: rows * columns }, (_, at) => found[at % columns]![Math.floor(at / columns)]!);
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function addMultiple(to: Float32Array, other: Float32Array, factor: number): void {
  other.forEach((value, i) => {
    to[i]! += factor * value;
  });
}
