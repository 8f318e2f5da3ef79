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

/** The arrays whose names do not begin with `prefix/`. */
export function withoutPrefix(arrays: readonly NamedArray[], prefix: string): NamedArray[] {
  return arrays.filter(({ name }) => !name.startsWith(`${prefix}/`));
}

/** The arrays under names that begin with `prefix/`. */
export function prefixed(arrays: readonly NamedArray[], prefix: string): NamedArray[] {
  return arrays.map((array) => ({ ...array, name: `${prefix}/${array.name}` }));
}

/** @returns in words how `given` differs from `wanted` in names or shapes; undefined when it does not */
export function misfit(wanted: readonly NamedArray[], given: readonly NamedArray[]): string | undefined {
  const shapes = new Map(given.map(({ name, shape }) => [name, shape]));
  const problems = wanted.flatMap(({ name, shape }) => {
    const found = shapes.get(name);
    shapes.delete(name);
    if (!found) return [`${name} is missing`];
    return String(found) === String(shape) ? [] : [`${name} has shape [${found}], the model [${shape}]`];
  });
  problems.push(...Array.from(shapes.keys(), (name) => `${name} is not of this model`));
  const [first, second, third, ...others] = problems;
  const more = others.length > 0 ? `and ${others.length} more` : undefined;
  return [first, second, third, more].filter((part) => part !== undefined).join("; ") || undefined;
}
