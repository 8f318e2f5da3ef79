// Lists of a bucket's parts (scalars, layers, categories) are in ascending order of a key, so that two are merged in one walk.

/**
 * Brings parts as they were sent into order.
 *
 * @returns parts of one key in the order they came; the same array when it is in order already
 */
export function ascending<Part, Key extends number | string>(
  parts: readonly Part[],
  keyOf: (part: Part) => Key,
): readonly Part[] {
  for (let at = 1; at < parts.length; at++) {
    if (keyOf(parts[at]!) < keyOf(parts[at - 1]!)) return sorted(parts, keyOf);
  }
  return parts;
}

function sorted<Part, Key extends number | string>(parts: readonly Part[], keyOf: (part: Part) => Key): Part[] {
  const keyed = parts.map((part) => ({ key: keyOf(part), part }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ part }) => part);
}

/**
 * Adds parts to the sums of the same keys. Reads every key a fixed number of times.
 *
 * @param sums in ascending order, one for each key
 * @param parts in ascending order; several may have the same key
 * @param add returns the sum with a part added; without a sum it begins one
 * @returns all sums, in ascending order
 */
export function merged<Sum, Part, Key extends number | string>(
  sums: readonly Sum[],
  parts: readonly Part[],
  keyOf: (item: Sum | Part) => Key,
  add: (sum: Sum | undefined, part: Part) => Sum,
): Sum[] {
  const all: Sum[] = [];
  let [next, last]: [number, Key | undefined] = [0, undefined];
  for (const part of parts) {
    const key = keyOf(part);
    if (key === last) {
      all.push(add(all.pop(), part));
      continue;
    }
    last = key;
    while (next < sums.length && keyOf(sums[next]!) < key) all.push(sums[next++]!);
    const known = next < sums.length && keyOf(sums[next]!) === key ? sums[next++] : undefined;
    all.push(add(known, part));
  }
  while (next < sums.length) all.push(sums[next++]!);
  return all;
}

export const nameOf = ({ name = "" }: { name?: string }): string => name;
export const layerOf = ({ layer = 0 }: { layer?: number }): number => layer;
export const categoryOf = ({ category = 0 }: { category?: number }): number => category;
