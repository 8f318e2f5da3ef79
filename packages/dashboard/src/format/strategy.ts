// Names of balancing strategies as sentences and labels say them.

/** @returns the strategy's own name; `none` would read as if something were missing */
export function strategyName(strategy: string | undefined): string {
  return strategy === "none" ? "no balancing" : (strategy ?? "");
}
