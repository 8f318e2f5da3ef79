// A matrix as a picture with one pixel a cell, to be stretched without smoothing.

/**
 * @param values [rows × columns], row-major; NaN stays transparent
 * @param colour red, green, blue of a value, 0..255
 * @returns data URL of a PNG
 */
export function cellImage(
  values: ArrayLike<number>,
  columns: number,
  colour: (value: number) => readonly [number, number, number],
): string {
  const rows = columns === 0 ? 0 : values.length / columns;
  if (rows === 0) return "";
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(columns, rows);
  for (let cell = 0; cell < values.length; cell++) {
    if (Number.isNaN(values[cell]!)) continue;
    const [red, green, blue] = colour(values[cell]!);
    const at = cell * 4;
    image.data[at] = red;
    image.data[at + 1] = green;
    image.data[at + 2] = blue;
    image.data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
