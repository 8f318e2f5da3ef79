// How a camera was held: the orientation that EXIF says, and pixels turned upright by it.
//
// Values: EXIF 2.32 (CIPA DC-008), tag 0x0112. 1 is upright; 2 mirrored; 3 upside down; 4 both; 5 to 8 lie on their side. The block is a TIFF
// file: byte order, 42, where the first directory begins; a directory is a number of entries of 12 bytes each: tag, type, count, value.
export interface Pixels {
  width: number;
  height: number;
  /** RGBA, 0 … 255. */
  data: Uint8Array;
}

const ORIENTATION = 0x0112;
const ENTRY = 12;

/** @param tiff an EXIF block without what stands before its byte order @returns 1 where it says nothing, or nothing that is allowed */
export function orientationOf(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 10) return 1;
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + entry * ENTRY;
    if (at + ENTRY > tiff.length) return 1;
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** @param orientation 1 … 8, as EXIF says it */
export function upright({ width, height, data }: Pixels, orientation: number): Pixels {
  if (orientation === 1) return { width, height, data };
  const onSide = orientation >= 5;
  const [columns, rows] = onSide ? [height, width] : [width, height];
  const turned = new Uint8Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [x, y] = source(orientation, column, row, width, height);
      const from = (y * width + x) * 4;
      turned.set(data.subarray(from, from + 4), (row * columns + column) * 4);
    }
  }
  return { width: columns, height: rows, data: turned };
}

/** Where the pixel of the upright picture lies in the stored one. */
function source(orientation: number, column: number, row: number, width: number, height: number): [number, number] {
  const [right, bottom] = [width - 1, height - 1];
  switch (orientation) {
    case 2:
      return [right - column, row];
    case 3:
      return [right - column, bottom - row];
    case 4:
      return [column, bottom - row];
    case 5:
      return [row, column];
    case 6:
      return [row, bottom - column];
    case 7:
      return [right - row, bottom - column];
    default:
      return [right - row, column];
  }
}
