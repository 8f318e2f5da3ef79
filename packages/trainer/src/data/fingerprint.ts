// Tells one corpus from another by what it draws.
import { createHash, type Hash } from "node:crypto";
import { Random } from "./random.ts";
import type { SourceData, Split } from "./source-data.ts";

/** Key of the random stream of the rows that are looked at; no batch draws its numbers. */
const STREAM = 4;
/** Rows of each side of each source, and tokens of a row: enough for a picture and its caption. */
const [ROWS, WIDTH] = [64, 128];

export interface NamedSource {
  category: string;
  data: SourceData;
}

/**
 * 12 hexadecimal digits of how many tokens each source has and of rows drawn from it, the same for every seed, size of batch and order of
 * rows. A change that keeps every length and touches none of these rows does not show.
 */
export function fingerprintOf(sources: readonly NamedSource[]): string {
  const hash = createHash("sha256");
  for (const { category, data } of sources) {
    hash.update(JSON.stringify([category, data.tokens, data.heldOutTokens]));
    addRows(hash, data, "training", data.tokens);
    addRows(hash, data, "validation", data.heldOutTokens);
  }
  return hash.digest("hex").slice(0, 12);
}

/** @param stored tokens of that side; 0 when they are generated */
function addRows(hash: Hash, { patchSize, fill }: SourceData, split: Split, stored: number): void {
  const width = stored > 0 ? Math.min(WIDTH, stored) : WIDTH;
  const random = new Random(STREAM, split === "training" ? 1 : 2);
  for (let row = 0; row < ROWS; row++) {
    const tokens = new Int32Array(width);
    const categories = new Int32Array(width);
    const patches = new Float32Array(width * patchSize);
    fill(split, random, { tokens, categories, patches, isPatch: new Uint8Array(patchSize > 0 ? width : 0) });
    for (const { buffer } of [tokens, categories, patches]) hash.update(new Uint8Array(buffer));
  }
}
