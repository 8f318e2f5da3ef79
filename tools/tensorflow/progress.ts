// What linking TensorFlow is doing right now, as data and as a line of text.

export interface TensorflowProgress {
  stage: "wait" | "download" | "unpack" | "compile" | "check";
  /** Bytes while downloading and unpacking, files while compiling, 0 otherwise. */
  done: number;
  /** In the unit of `done`; absent while unknown. */
  total?: number;
}

export type OnProgress = (progress: TensorflowProgress) => void;

/** The progress as a line, as in `downloading TensorFlow 120 of 274 MB`. */
export function describeProgress({ stage, done, total }: TensorflowProgress): string {
  const of = total === undefined ? "" : ` of ${stage === "compile" ? total : megabytes(total)}`;
  switch (stage) {
    case "wait":
      return "waiting for another process that is building TensorFlow's addon";
    case "download":
      return `downloading TensorFlow ${megabytes(done)}${of} MB`;
    case "unpack":
      return `unpacking TensorFlow ${megabytes(done)}${of} MB`;
    case "compile":
      return `compiling TensorFlow's addon ${done}${of} files`;
    case "check":
      return "running an operation to check TensorFlow";
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
