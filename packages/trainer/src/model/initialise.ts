// Start values of the parameters: the same for the same seed on every backend.
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
    const values = start === "ones" ? new Float32Array(size).fill(1) : normalValues(size, start, random);
    return { name, shape, decay, values };
  });
}

/** Normal values by the method of Box and Muller, two at a time. */
function normalValues(size: number, standardDeviation: number, random: Random): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += 2) {
    const radius = standardDeviation * Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < size) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}
