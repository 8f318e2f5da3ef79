// A matrix of 64-bit integers as NumPy reads it: `numpy.load`. Format 1.0 of numpy.lib.format.

/** Header and data together begin at a multiple of this, so that the file can be mapped into memory. */
const ALIGNMENT = 64;
const MAGIC = Buffer.from("\x93NUMPY\x01\x00", "latin1");

/** @param matrix rows of equal length, of whole numbers */
export function npyBytes(matrix: readonly (readonly number[])[]): Buffer {
  const shape = `(${matrix.length}, ${matrix[0]?.length ?? 0})`;
  const dictionary = `{'descr': '<i8', 'fortran_order': False, 'shape': ${shape}, }`;
  const unpadded = MAGIC.length + 2 + dictionary.length + 1;
  const header = `${dictionary}${" ".repeat((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  const values = BigInt64Array.from(matrix.flat(), BigInt);
  return Buffer.concat([MAGIC, length, Buffer.from(header, "latin1"), Buffer.from(values.buffer)]);
}
