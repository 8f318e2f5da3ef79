// From the name of data to the data: what is built in, or files of the user's.
import { crc32 } from "node:zlib";
import { DataError } from "./data-error.ts";
import { builtInSources, type DataSource, isBuiltIn } from "./data-source.ts";
import { piecesOfText } from "./documents.ts";
import { isHeldOut } from "./held-out.ts";
import { openImages } from "./images/image-source.ts";
import { shapes } from "./images/shapes.ts";
import { findInstallation, installedKinds, readInstalledPackages } from "./installed-packages.ts";
import { recogniseJsonLines } from "./json-lines.ts";
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
  const { category, field } = source;
  const find = async (option: string, glob: string) => recogniseJsonLines(await findFiles(option, glob), field);
  const heldOut = source.heldOut === undefined ? undefined : await find("--validation", source.heldOut);
  const kept = new Set(heldOut?.map(({ realPath }) => realPath));
  const files = (await find("--data", pattern)).filter(({ realPath }) => !kept.has(realPath));
  if (files.length === 0) {
    throw new DataError(`--validation ${category}=${source.heldOut} leaves no file of "${pattern}" to train on`);
  }
  const all = [...files, ...(heldOut ?? [])];
  if (field !== undefined && !all.some(({ format }) => format === "json-lines" || format === "parquet")) {
    const instead = `only JSON Lines and Parquet have fields; give the files as ${category}=${pattern}`;
    throw new DataError(
      `--data ${category}:${field}=${pattern}: ${files[0]!.name} has no field "${field}": ${instead}`,
    );
  }
  const images = all.some(({ format }) => format === "image");
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
