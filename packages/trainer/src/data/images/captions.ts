// Which captions belong to which image: a `.txt` beside it with the same name, or lines of a `captions.jsonl` in its folder or the one above.
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { DataError, unreadable } from "../data-error.ts";
import { linesOf, parseLine } from "../json-lines.ts";
import type { SourceFile } from "../source-files.ts";
import { isText } from "../text-check.ts";

export const captionsName = "captions.jsonl";

export interface CaptionedImage {
  file: SourceFile;
  /** One or more. */
  captions: string[];
}

/** @throws DataError when an image has no caption, or captions cannot be read */
export async function captionImages(images: readonly SourceFile[]): Promise<CaptionedImage[]> {
  const ofFolder = new Map<string, Promise<Map<string, string[]>>>();
  const listed = async (folder: string, path: string) => {
    if (!ofFolder.has(folder)) ofFolder.set(folder, readCaptions(folder));
    return (await ofFolder.get(folder)!).get(path);
  };
  const captioned: CaptionedImage[] = [];
  for (const file of images) {
    const folder = dirname(file.path);
    const captions =
      (await listed(folder, file.path)) ?? (await listed(dirname(folder), file.path)) ?? (await readBeside(file));
    if (!captions) {
      const beside = basename(captionPath(file.path));
      throw new DataError(
        `${file.name} has no caption; ${beside} beside it is allowed, or a line {"file", "caption"} in ${captionsName}`,
      );
    }
    captioned.push({ file, captions });
  }
  return captioned;
}

/** By path of the image. */
async function readCaptions(folder: string): Promise<Map<string, string[]>> {
  const path = join(folder, captionsName);
  const captions = new Map<string, string[]>();
  if (!existsSync(path)) return captions;
  const { size, mtimeMs } = await stat(path);
  const name = relative(process.cwd(), path);
  const file: SourceFile = { name, path, realPath: path, size, modified: mtimeMs, format: "json-lines", gzip: false };
  for await (const { line, place } of linesOf(file)) {
    if (line.trim() === "") continue;
    const { file: image, caption } = parseLine(line, place);
    if (typeof image !== "string" || typeof caption !== "string") {
      throw new DataError(`${place} lacks "file" or "caption"; {"file": "a.png", "caption": "..."} is allowed`);
    }
    const imagePath = resolve(folder, image);
    captions.set(imagePath, [...(captions.get(imagePath) ?? []), caption]);
  }
  return captions;
}

async function readBeside({ path }: SourceFile): Promise<string[] | undefined> {
  const beside = captionPath(path);
  if (!existsSync(beside)) return undefined;
  const bytes = await readFile(beside).catch(unreadable(beside));
  if (!isText(bytes)) throw new DataError(`${beside} is no text; a caption in UTF-8 is allowed`);
  return [bytes.toString("utf8").trim()];
}

function captionPath(imagePath: string): string {
  return imagePath.replace(/\.[^.]+$/, ".txt");
}
