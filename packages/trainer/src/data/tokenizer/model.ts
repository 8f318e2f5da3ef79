// The contract of a model: what makes tokens of a piece of text.

export interface Model {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** What marks the end of a word in its tokens. */
  readonly suffix?: string;
  /** @throws DataError when the text holds something unknown, and the model has no token for that */
  encode(text: string): readonly number[];
}
