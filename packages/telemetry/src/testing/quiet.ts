// Waits for the end of a growth of which nobody tells.

/** Resolves when a count has stayed the same over many turns of the event loop. */
export async function quiet(count: () => number): Promise<void> {
  for (let [turns, last] = [0, count()]; turns < 2_000; turns++) {
    await new Promise(setImmediate);
    if (count() !== last) [turns, last] = [0, count()];
  }
}
