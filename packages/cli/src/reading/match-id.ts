// An id by the beginning of it that no other shares.
import { closest } from "fastest-levenshtein";
import { WrongUse } from "../failure.ts";

/**
 * @param where in words, for when there is none: as in "no run is stored here"
 * @param list in words, how to see them all
 * @throws WrongUse that names the nearest id, or all that begin so
 */
export function matchId(ids: readonly string[], wanted: string, where: string, list: string): string {
  if (ids.includes(wanted)) return wanted;
  const [match, ...others] = ids.filter((id) => id.startsWith(wanted));
  if (match !== undefined && others.length === 0) return match;
  if (match !== undefined) {
    throw new WrongUse(`Run "${wanted}" may be ${[match, ...others].join(" or ")}; write more of the id`);
  }
  if (ids.length === 0) throw new WrongUse(`Unknown run "${wanted}"; ${where}`);
  throw new WrongUse(`Unknown run "${wanted}"; did you mean "${closest(wanted, ids)}"? ${list}`);
}
