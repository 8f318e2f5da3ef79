// The text beside the pointer on a sheet.

/** What a figure says about the place that is pointed at. */
export interface SheetReading {
  title: string;
  lines: string[];
}
