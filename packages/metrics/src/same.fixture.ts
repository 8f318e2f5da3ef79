// Whether two messages say the same.

/** Sums of numbers that are no integers depend on the order they are added up in, by about this share of them. */
const TOLERANCE = 1e-9;

/**
 * Where two values differ. Arrays may be typed; −0 is 0; numbers may differ by a billionth.
 *
 * @returns empty when they are the same
 */
export function differences(a: unknown, b: unknown, path = ""): string[] {
  if (typeof a === "number" && typeof b === "number") return isSame(a, b) ? [] : [`${path}: ${a} and ${b}`];
  const [left, right] = [entriesOf(a), entriesOf(b)];
  if (left === undefined || right === undefined) return a === b ? [] : [`${path}: ${String(a)} and ${String(b)}`];
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys].flatMap((key) => differences(left.get(key), right.get(key), `${path}/${key}`));
}

function isSame(a: number, b: number): boolean {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Object.is(a, b);
  return Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a), Math.abs(b));
}

function entriesOf(value: unknown): Map<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  return typeof value === "object" && value !== null ? new Map<unknown, unknown>(Object.entries(value)) : undefined;
}
