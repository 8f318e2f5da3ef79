// Text from elsewhere as a terminal may show it: a character that would steer the terminal, or reorder what is read, is written as `\u001b`.

/** Controls (C0, DEL, C1), line and paragraph separators, bidirectional embeddings, overrides and isolates, unpaired surrogates. */
const invisible = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text that is visible already stays as it is. The escapes are those of JSON, so inside a string of JSON they parse back. */
export function visible(text: string): string {
  return text.replace(invisible, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
