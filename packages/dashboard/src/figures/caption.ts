// The caption of a figure, broken into lines.

/** Mean width of a letter in 11 px type; only decides where lines break. */
export const LETTER_WIDTH = 5.35;

/** @param width room for a line, in units of the SVG */
export function captionLines(text: string, width: number): string[] {
  const letters = Math.floor(width / LETTER_WIDTH);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > letters) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return line === "" ? lines : [...lines, line];
}
