// The contract of a backend: something that runs tfjs's operations on this machine, or says why it cannot.

export interface Backend {
  /** As tfjs calls it. */
  readonly name: string;
  /** What it means to run on it and not on the first choice. */
  readonly cost: string;
  /**
   * Makes it the one that tfjs uses, and resolves with what it is made of, as in `TensorFlow 2.21.0, 2 threads`.
   *
   * @throws BackendUnavailable
   */
  open(): Promise<string>;
}

/** A backend does not work here; the message is what is missing, in a few words. */
export class BackendUnavailable extends Error {
  readonly remedy: string;

  constructor(missing: string, remedy: string) {
    super(missing);
    this.remedy = remedy;
  }
}
