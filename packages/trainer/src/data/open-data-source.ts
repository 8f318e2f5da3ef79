// From the name of data to the data: what is built in, or files of the user's.
import { crc32 } from "node:zlib";
import { DataError } from "./data-error.ts";
import { builtInSources, type DataSource, isBuiltIn } from "./data-source.ts";
import { piecesOfText } from "./documents.ts";
import { isHeldOut } from "./held-out.ts";
import { openImages } from "./images/image-source.ts";
import { shapes } from "./images/shapes.ts";
import { findInstallation, installedKinds, readInstalledPackages } from "./installed-packages.ts";
import { mathsText } from "./maths/maths-text.ts";
import { openMathsTokens } from "./maths/maths-tokens.ts";
import { prepareText } from "./prepared-text.ts";
import type { OpeningData, SourceData } from "./source-data.ts";
import { findFiles } from "./source-files.ts";
import { createStoredText, splitByName } from "./stored-text.ts";
import { tokensInMemory } from "./stored-tokens.ts";
import { openTextFiles } from "./text-files.ts";

/** @throws DataError when nothing of that name is built in, or the files cannot be used */
export async function openDataSource(source: DataSource, opening: OpeningData): Promise<SourceData> {
  if (source.glob !== undefined) return openGlob(source, source.glob, opening);
  const { category } = source;
  if (!isBuiltIn(category)) {
    throw new DataError(
      `Nothing built in is named "${category}"; there are ${builtInSources.join(", ")}, or name files as ${category}=glob`,
    );
  }
  if (category === "maths") return opening.tokenizer.unit === "bytes" ? mathsText : openMathsTokens(opening);
  if (category === "shapes") return shapes(opening);
  return openInstalledPackages(category, opening);
}

async function openGlob(source: DataSource, pattern: string, opening: OpeningData): Promise<SourceData> {
  const heldOut = source.heldOut === undefined ? undefined : await findFiles("--validation", source.heldOut);
  const kept = new Set(heldOut?.map(({ path }) => path));
  const files = (await findFiles("--data", pattern)).filter(({ path }) => !kept.has(path));
  if (files.length === 0) {
    throw new DataError(`--validation ${source.category}=${source.heldOut} leaves no file of "${pattern}" to train on`);
  }
  const images = [...files, ...(heldOut ?? [])].some(({ format }) => format === "image");
  return images ? openImages(source, files, heldOut, opening) : openTextFiles(source, files, heldOut, opening);
}

async function openInstalledPackages(category: "code" | "docs", opening: OpeningData): Promise<SourceData> {
  const { origin } = installedKinds[category];
  const files = await readInstalledPackages(category, findInstallation(import.meta.dirname));
  const { tokenizer, rowTokens } = opening;
  const from = { category, origin, files: files.length, unit: tokenizer.unit };
  if (tokenizer.unit === "bytes") {
    const splits = splitByName(files, ({ bytes }) => tokensInMemory(bytes), tokenizer.end);
    return createStoredText(from, splits, rowTokens);
  }
  const documents = {
    key: files.map(({ name, bytes }) => [name, bytes.length, crc32(bytes)]),
    what: origin,
    size: files.reduce((total, { bytes }) => total + bytes.length, 0),
    async *pieces() {
      for (const { name, bytes } of files) yield* piecesOfText(new TextDecoder().decode(bytes), isHeldOut(name));
    },
  };
  return createStoredText(from, await prepareText(documents, opening), rowTokens);
}
