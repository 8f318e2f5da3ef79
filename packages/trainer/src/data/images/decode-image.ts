// PNG and JPEG files made into pictures: the largest centred square, averaged down to 32 × 32 pixels.
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { DataError } from "../data-error.ts";
import { orientationOf, type Pixels, upright } from "./orientation.ts";
import { pictureBytes, pictureSide } from "./picture.ts";

/** @param name for the error @throws DataError when the bytes are no PNG or JPEG that can be decoded */
export function decodePicture(bytes: Buffer, name: string): Uint8Array {
  return shrink(decode(bytes, name));
}

function decode(bytes: Buffer, name: string): Pixels {
  const isPng = bytes.subarray(1, 4).toString("latin1") === "PNG";
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new DataError(`${name} is neither PNG nor JPEG; these two are allowed`);
  try {
    return isPng ? decodePng(bytes) : decodeJpeg(bytes);
  } catch (cause) {
    throw new DataError(
      `${name} cannot be decoded: ${(cause as Error).message}; whole PNG and JPEG files are allowed`,
      {
        cause,
      },
    );
  }
}

/** What jpeg-js gives and its types do not say: the EXIF block behind "Exif" and the first of two zeros. */
type WithExif = Pixels & { exifBuffer?: Uint8Array };

function decodeJpeg(bytes: Buffer): Pixels {
  const picture: WithExif = jpeg.decode(bytes, { useTArray: true });
  const { exifBuffer: exif } = picture;
  return upright(picture, exif === undefined ? 1 : orientationOf(exif.subarray(1)));
}

/** Of a chunk around its data: length and type before it, checksum after it. */
const [CHUNK_HEAD, CHUNK_TAIL] = [8, 4];

/** What stands behind the last chunk is no part of the picture: some writers append to it. */
function decodePng(bytes: Buffer): Pixels {
  let orientation = 1;
  let at = 8; // behind the signature
  while (at + CHUNK_HEAD <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + CHUNK_HEAD);
    const data = at + CHUNK_HEAD;
    at = data + length + CHUNK_TAIL;
    if (type === "eXIf") orientation = orientationOf(new Uint8Array(bytes.subarray(data, data + length)));
    if (type === "IEND") break;
  }
  return upright(PNG.sync.read(bytes.subarray(0, at)), orientation);
}

/** Every pixel of the result is the mean of the area it covers, over white where the image is transparent. */
function shrink({ width, height, data }: Pixels): Uint8Array {
  const side = Math.min(width, height);
  const columns = coverage((width - side) / 2, side);
  const rows = coverage((height - side) / 2, side);
  const picture = new Uint8Array(pictureBytes);
  for (let y = 0; y < pictureSide; y++) {
    for (let x = 0; x < pictureSide; x++) {
      const rgb = [0, 0, 0];
      let total = 0;
      for (const [row, rowShare] of rows[y]!) {
        for (const [column, columnShare] of columns[x]!) {
          const share = rowShare * columnShare;
          const at = (row * width + column) * 4;
          const alpha = data[at + 3]! / 255;
          for (let c = 0; c < 3; c++) rgb[c]! += share * (data[at + c]! * alpha + 255 * (1 - alpha));
          total += share;
        }
      }
      for (let c = 0; c < 3; c++) picture[(y * pictureSide + x) * 3 + c] = Math.round(rgb[c]! / total);
    }
  }
  return picture;
}

/** For each pixel of a side of the result: the pixels of the image under it, and how much of each. */
function coverage(offset: number, side: number): [pixel: number, share: number][][] {
  const step = side / pictureSide;
  return Array.from({ length: pictureSide }, (_, index) => {
    const from = offset + index * step;
    const to = from + step;
    const covered: [number, number][] = [];
    for (let pixel = Math.floor(from); pixel < to; pixel++) {
      const share = Math.min(pixel + 1, to) - Math.max(pixel, from);
      if (share > 1e-9) covered.push([pixel, share]);
    }
    return covered;
  });
}
