// Which texts are kept from training, for validation: decided by a hash of a name alone, the same on every machine and for every seed.
import { hashText } from "./random.ts";

/** About one text in this many is held out. */
const heldOutOneIn = 20;

/** @param name what must stay on one side of the split, for example a file's path or a question */
export function isHeldOut(name: string): boolean {
  return hashText(name) % heldOutOneIn === 0;
}
