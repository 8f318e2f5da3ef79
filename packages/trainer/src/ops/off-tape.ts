// Work whose operations leave no trace on the gradient tape.
import { tf } from "../runtime/tf.ts";

/** Runs `work` as tfjs runs the inside of one operation: nothing in it is recorded, so no gradient can flow through its result. */
export function offTape<Result>(work: () => Result): Result {
  const { state } = tf.engine();
  state.kernelDepth++;
  try {
    return work();
  } finally {
    state.kernelDepth--;
  }
}
