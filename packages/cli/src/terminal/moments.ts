// Moments as a person reads them, whatever a sender says the time was.

const unknown = "unknown";

/** As in 2026-11-21T09:42:00.000Z. @param milliseconds since the Unix epoch; 0 was never set */
export function isoMoment(milliseconds: number): string {
  return dateOf(milliseconds)?.toISOString() ?? unknown;
}

/** As in 2026-11-21 10:42, in this machine's time zone. @param milliseconds since the Unix epoch; 0 was never set */
export function localMoment(milliseconds: number): string {
  return dateOf(milliseconds)?.toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" }) ?? unknown;
}

/** Undefined for what no calendar has: NaN, infinities, times 8.64e15 ms and more away. */
function dateOf(milliseconds: number): Date | undefined {
  const date = new Date(milliseconds);
  return milliseconds === 0 || Number.isNaN(date.getTime()) ? undefined : date;
}
