// How long to wait before the next try to connect.
import { ExponentialBackoff, fullJitterGenerator } from "cockatiel";

/** From nothing up to 50 ms, doubled from try to try up to 5 s, at random: many trainers do not come back to a collector at one moment. */
export const backOff = new ExponentialBackoff({
  generator: fullJitterGenerator,
  initialDelay: 50,
  maxDelay: 5000,
});
