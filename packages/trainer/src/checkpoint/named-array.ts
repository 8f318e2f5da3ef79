// One tensor outside of any backend: the form in which training state is kept, restored and compared.

export interface NamedArray {
  name: string;
  /** Row-major; empty for a single number. */
  shape: number[];
  values: Float32Array;
}

/** The arrays whose names begin with `prefix/`, named without it. */
export function withPrefix(arrays: readonly NamedArray[], prefix: string): NamedArray[] {
  const start = `${prefix}/`;
  return arrays
    .filter(({ name }) => name.startsWith(start))
    .map((array) => ({ ...array, name: array.name.slice(start.length) }));
}

/** The arrays under names that begin with `prefix/`. */
export function prefixed(arrays: readonly NamedArray[], prefix: string): NamedArray[] {
  return arrays.map((array) => ({ ...array, name: `${prefix}/${array.name}` }));
}
