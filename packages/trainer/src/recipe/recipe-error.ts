// The error of a configuration that cannot be used.

/** The message names the value and what is allowed. */
export class RecipeError extends Error {
  override name = "RecipeError";
}
