// A figure as a file; the ending of its name chooses the form.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { WrongUse } from "../failure.ts";
import { note } from "../terminal/lines.ts";
import type { Figure } from "./figure.ts";
import { rasterise } from "./rasterise.ts";

const forms: Record<string, (figure: Figure, path: string) => string | Uint8Array> = {
  ".svg": (figure) => figure.svg(),
  ".png": (figure, path) => {
    const { png, textDrawn } = rasterise(figure.svg());
    if (!textDrawn) note(`No font is installed: the text is missing from ${path}; an .svg has it`);
    return png;
  },
  ".csv": (figure) => figure.csv(),
};

/** @throws WrongUse unless a figure can be written under this name */
export function checkFigurePath(path: string): void {
  if (!Object.hasOwn(forms, extname(path).toLowerCase())) {
    throw new WrongUse(`--out ${path}: allowed are names that end in ${Object.keys(forms).join(", ")}`);
  }
}

/** Writes the figure, and the directories above it that do not exist. */
export async function writeFigure(figure: Figure, path: string): Promise<void> {
  checkFigurePath(path);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, forms[extname(path).toLowerCase()]!(figure, path));
}
