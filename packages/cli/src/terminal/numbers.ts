// Numbers as a person reads them; "-" where there is none.

/** As in 12,345. */
export function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en-US") : "-";
}

/** With a fixed number of decimals. */
export function decimal(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}

/** Minutes and seconds, as in 1:05, or hours too. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "-";
  const total = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const byteUnits = [
  ["GB", 1e9],
  ["MB", 1e6],
  ["kB", 1e3],
] as const;

/** Bytes, as in 1.2 MB. */
export function bytes(value: number): string {
  const unit = byteUnits.find(([, size]) => value >= size);
  return unit ? `${(value / unit[1]).toFixed(1)} ${unit[0]}` : `${value} B`;
}
