// CSV files that commands have written, read back.

export type Row = Record<string, string>;

/** @param csv without quoted fields */
export function rowsOf(csv: string): Row[] {
  const [header, ...lines] = csv
    .trimEnd()
    .split("\r\n")
    .map((line) => line.split(","));
  return lines.map((fields) => Object.fromEntries(header!.map((name, place) => [name, fields[place]!])));
}
