// Arrays of whole numbers as `numpy.save` writes them (NEP 1: numpy/numpy, doc/neps/nep-0001-npy-format.rst).
import { Failure } from "../../failure.ts";

export interface WholeArray {
  shape: readonly number[];
  /** The number at a place of a flat array in C order. */
  at(place: number): number;
}

const MAGIC = "\x93NUMPY";

/** By kind and size: how a number is read, little-endian. */
const readers: Record<string, (view: DataView, byte: number, little: boolean) => number> = {
  u1: (view, byte) => view.getUint8(byte),
  i1: (view, byte) => view.getInt8(byte),
  u2: (view, byte, little) => view.getUint16(byte, little),
  i2: (view, byte, little) => view.getInt16(byte, little),
  u4: (view, byte, little) => view.getUint32(byte, little),
  i4: (view, byte, little) => view.getInt32(byte, little),
  u8: (view, byte, little) => Number(view.getBigUint64(byte, little)),
  i8: (view, byte, little) => Number(view.getBigInt64(byte, little)),
};

/** @throws Failure when the bytes are no array, or one of other numbers */
export function readNpy(bytes: Buffer, where: string): WholeArray {
  if (bytes.length < 12 || bytes.toString("latin1", 0, 6) !== MAGIC)
    throw new Failure(`${where} is no array of numpy: it does not begin as numpy.save begins one`);
  const wide = bytes[6]! > 1;
  const start = wide ? 12 : 10;
  const length = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", start, start + length);
  const { order, kind, fortran, shape } = headerOf(header, where);
  const read = readers[kind];
  if (read === undefined) throw new Failure(`${where} holds numbers of type ${kind}; allowed are whole numbers`);
  const size = Number(kind[1]);
  const data = bytes.subarray(start + length);
  const expected = size * shape.reduce((product, side) => product * side, 1);
  if (data.length !== expected)
    throw new Failure(
      `${where} has ${data.length} bytes of numbers, expected ${expected} for a shape of ${shape.join(" × ")}`,
    );
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const placeOf = fortran ? fortranPlace(shape) : (place: number) => place;
  return { shape, at: (place) => read(view, size * placeOf(place), order !== ">") };
}

function headerOf(header: string, where: string) {
  const [, order, kind] = /'descr': *'([<>|=])([a-zA-Z]\d+)'/.exec(header) ?? [];
  const [, fortran] = /'fortran_order': *(True|False)/.exec(header) ?? [];
  const [, sides] = /'shape': *\(([\d, ]*)\)/.exec(header) ?? [];
  if (kind === undefined || fortran === undefined || sides === undefined)
    throw new Failure(`${where} has a header that numpy does not write for numbers: ${header.trim().slice(0, 100)}`);
  const shape = sides.split(",").flatMap((side) => (side.trim() === "" ? [] : [Number(side)]));
  return { order, kind, fortran: fortran === "True", shape };
}

/** Where an element stands when the first index runs fastest. */
function fortranPlace(shape: readonly number[]): (place: number) => number {
  return (place) => {
    let rest = place;
    const indices = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      indices[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return indices.reduceRight((sum, index, axis) => sum * shape[axis]! + index, 0);
  };
}

/** @param lists nested to the same depth and length everywhere, as JSON has arrays */
export function nestedArray(lists: unknown, where: string): WholeArray {
  const shape: number[] = [];
  let flat: unknown[] = [lists];
  while (Array.isArray(flat[0])) {
    const side = flat[0].length;
    shape.push(side);
    if (!flat.every((list) => Array.isArray(list) && list.length === side))
      throw new Failure(`${where} has lists of different lengths`);
    flat = (flat as unknown[][]).flat();
  }
  if (!flat.every(Number.isSafeInteger)) throw new Failure(`${where} holds something that is no whole number`);
  return { shape, at: (place) => flat[place] as number };
}
