// A line without axes, the size of a word.
import { linePath } from "../charts/lines.ts";

/** @param values NaN interrupts the line; `floor` is the lowest value shown where nothing is lower */
export function Sparkline({
  values,
  floor,
  label,
  width = 104,
  height = 26,
}: {
  values: readonly number[];
  floor?: number;
  label: string;
  width?: number;
  height?: number;
}) {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return <svg className="sparkline" width={width} height={height} aria-hidden="true" />;
  const low = Math.min(floor ?? Number.POSITIVE_INFINITY, ...finite);
  const span = Math.max(...finite) - low || 1;
  const x = values.map((_, index) => 1 + (index / (values.length - 1)) * (width - 2));
  const y = values.map((value) =>
    Number.isFinite(value) ? height - 2 - ((value - low) / span) * (height - 4) : Number.NaN,
  );
  return (
    <svg
      className="sparkline"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      <path d={linePath(x, y)} fill="none" stroke="currentColor" strokeWidth={1.25} strokeLinejoin="round" />
    </svg>
  );
}
