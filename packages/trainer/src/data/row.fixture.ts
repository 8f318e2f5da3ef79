// Empty rows, for tests of what fills them.
import type { Row } from "./source-data.ts";

/** @param patchSize values of an image patch; 0 without images */
export function emptyRow(width: number, patchSize = 0): Row {
  return {
    tokens: new Int32Array(width),
    categories: new Int32Array(width),
    patches: new Float32Array(width * patchSize),
    isPatch: new Uint8Array(patchSize > 0 ? width : 0),
  };
}
