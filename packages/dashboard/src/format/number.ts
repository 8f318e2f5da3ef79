// Numbers as people read them: sensible digits, units, no jumping widths.

/** A loss, MaxVio or other ratio: three decimals below 10, two below 100; "NaN" stays visible. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return minus(value.toExponential(1));
  return minus(value.toFixed(size < 10 ? 3 : size < 100 ? 2 : 1));
}

/** MaxVio and multiples of the fair share: two decimals below 10, one above. */
export function formatRatio(value: number): string {
  if (!Number.isFinite(value)) return "no data";
  return minus(value.toFixed(Math.abs(value) < 10 ? 2 : 1));
}

/** @param share 0..1 */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return "no data";
  const percent = share * 100;
  return `${percent.toFixed(percent !== 0 && Math.abs(percent) < 10 ? 1 : 0)} %`;
}

const SCALES = [
  { from: 1e12, unit: "T" },
  { from: 1e9, unit: "G" },
  { from: 1e6, unit: "M" },
  { from: 1e3, unit: "k" },
] as const;

/** Large counts: 950, 12.3 k, 4.1 M. */
export function formatCount(count: number): string {
  const scale = SCALES.find(({ from }) => Math.abs(count) >= from * 0.9995);
  if (scale === undefined) return formatWhole(count);
  const scaled = count / scale.from;
  return `${minus(scaled.toFixed(Math.abs(scaled) < 100 ? 1 : 0).replace(/\.0$/, ""))} ${scale.unit}`;
}

/** Whole numbers in full, thousands set apart by a narrow space. */
export function formatWhole(count: number): string {
  return minus(
    Math.round(count)
      .toString()
      .replace(/\B(?=(\d{3})+$)/g, "\u202f"),
  );
}

/** @param milliseconds length of time */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** @param milliseconds length of time, as a clock shows it: 0:15, 12:00, 1:02:30 */
export function formatClock(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = String(seconds % 60).padStart(2, "0");
  return hours === 0 ? `${minutes}:${tail}` : `${hours}:${String(minutes).padStart(2, "0")}:${tail}`;
}

function minus(text: string): string {
  return text.replace("-", "−");
}
