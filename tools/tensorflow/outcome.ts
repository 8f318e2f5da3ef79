// What `ensureTensorflow` ends with: native TensorFlow linked, or one line that says why not and what to do.

/** The fused operations of packages/trainer/native, compiled into the addon or not. */
export type CustomOps = { built: true; instructions: string } | { built: false; reason: string };

export interface LinkedTensorflow {
  linked: true;
  /** Version of TensorFlow that answered, as in `2.21.0`. */
  version: string;
  /** Folder of `libtensorflow_cc.so.2` and `include/`. */
  directory: string;
  /** The compiled addon that tfjs-node-gpu now loads. */
  binding: string;
  tookMs: number;
  customOps: CustomOps;
  /** Something worth a line although it worked. */
  notice?: string;
}

export interface MissingTensorflow {
  linked: false;
  missing: string;
  cost: string;
  remedy: string;
}

export type TensorflowOutcome = LinkedTensorflow | MissingTensorflow;

/** Native TensorFlow cannot be had here; the message is what is missing. */
export class TensorflowUnavailable extends Error {
  readonly remedy: string;

  constructor(missing: string, remedy: string) {
    super(missing);
    this.remedy = remedy;
  }
}

const COST = "training falls back to WebAssembly, which takes about 10 times as long for a matrix product";

export function missingBecause(error: { message: string; remedy: string }): MissingTensorflow {
  return { linked: false, missing: error.message, cost: COST, remedy: error.remedy };
}

/** The outcome as one line for people. */
export function describeOutcome(outcome: TensorflowOutcome): string {
  if (!outcome.linked) return `no native TensorFlow: ${outcome.missing}; ${outcome.cost}. ${outcome.remedy}`;
  const { customOps, notice } = outcome;
  const ops = customOps.built
    ? `fused operations (${customOps.instructions})`
    : `no fused operations: ${customOps.reason}`;
  return `TensorFlow ${outcome.version}, ${ops}, ready in ${duration(outcome.tookMs)}${notice ? `; ${notice}` : ""}`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
