// What is not here yet is not empty: whether a run's data has come, and what is said in its place until then.

/** Whether the data of a run is under way, here (it may be empty), or could not be had. */
export type Arrival = "loading" | "ready" | "failed";

/** Said in the place of a sentence while there is nothing true to say; shows itself only after a while. */
export const LOADING = "Loading…";

/** Said where nothing came. */
export const NOT_FETCHED = "The history could not be fetched.";

/** What came of several runs together: under way while any is, failed when any did. */
export function arrivalOf(arrivals: readonly Arrival[]): Arrival {
  if (arrivals.includes("loading")) return "loading";
  return arrivals.includes("failed") ? "failed" : "ready";
}

/** @param empty what to say when everything came and there is nothing in it */
export function sentenceWithout(arrival: Arrival, empty: string): string {
  return { loading: LOADING, failed: NOT_FETCHED, ready: empty }[arrival];
}
