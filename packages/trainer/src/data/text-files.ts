// Text in files of the user's: read in place where the bytes of the file are the tokens, else made into tokens once.

import { DataError } from "./data-error.ts";
import type { DataSource } from "./data-source.ts";
import { piecesOfFile } from "./documents.ts";
import { bytesOf } from "./file-bytes.ts";
import { prepare } from "./prepared-folder.ts";
import { prepareText } from "./prepared-text.ts";
import type { OpeningData, SourceData } from "./source-data.ts";
import type { SourceFile } from "./source-files.ts";
import { createStoredText, createValidatedText, splitByName, type TextSplits } from "./stored-text.ts";
import { joinTokens, tokensInFile } from "./stored-tokens.ts";
import { TextCheck } from "./text-check.ts";

/** Bytes, and files, above which it is remembered that they were checked: that takes seconds. */
const quicklyChecked = { bytes: 256 * 2 ** 20, files: 5000 };

/**
 * @param heldOut files to validate on; without them a part of the documents is held out
 * @throws DataError when a file cannot be used, or there is too little text
 */
export async function openTextFiles(
  source: DataSource,
  files: readonly SourceFile[],
  heldOut: readonly SourceFile[] | undefined,
  opening: OpeningData,
): Promise<SourceData> {
  const { category, glob, field = "text" } = source;
  const { tokenizer, rowTokens } = opening;
  const from = { category, origin: `${category}=${glob}`, files: files.length, unit: tokenizer.unit };
  const splits = await openSplits(from.origin, files, field, opening);
  if (!heldOut) return createStoredText(from, splits, rowTokens);
  const origin = `${from.origin}, validated on ${source.heldOut}`;
  const validation = await openSplits(`${category}=${source.heldOut}`, heldOut, field, opening);
  return createValidatedText({ ...from, origin }, splits.whole, validation.whole, rowTokens);
}

async function openSplits(
  origin: string,
  files: readonly SourceFile[],
  field: string,
  opening: OpeningData,
): Promise<TextSplits> {
  const isInPlace = ({ format, gzip }: SourceFile) => {
    return format === "text" && !gzip && opening.tokenizer.unit === "bytes";
  };
  const inPlace = files.filter(isInPlace);
  const others = files.filter((file) => !isInPlace(file));
  const parts: TextSplits[] = [];
  if (inPlace.length > 0) parts.push(await splitInPlace(origin, inPlace, opening));
  if (others.length > 0) parts.push(await prepareText(documentsOf(origin, others, field), opening));
  if (parts.length === 1) return parts[0]!;
  const join = (side: keyof TextSplits) => joinTokens(parts.map((part) => part[side]));
  return { training: join("training"), validation: join("validation"), whole: join("whole") };
}

async function splitInPlace(origin: string, files: readonly SourceFile[], opening: OpeningData): Promise<TextSplits> {
  await checkOnce(origin, files, opening);
  const tokensOf = ({ path, size }: SourceFile) => tokensInFile({ path, length: size, width: 1 });
  return splitByName(files, tokensOf, opening.tokenizer.end);
}

async function checkOnce(origin: string, files: readonly SourceFile[], { notice, signal }: OpeningData): Promise<void> {
  const size = sizeOf(files);
  const check = () => checkText(files, signal);
  if (size <= quicklyChecked.bytes && files.length <= quicklyChecked.files) return check();
  await prepare({
    key: ["checked", keyOf(files)],
    what: `the check that ${origin} is text`,
    size,
    write: check,
    notice,
  });
}

function documentsOf(origin: string, files: readonly SourceFile[], field: string) {
  return {
    key: [keyOf(files), field],
    what: origin,
    size: sizeOf(files),
    async *pieces() {
      for (const file of files) yield* piecesOfFile(file, field);
    },
  };
}

/** What changes when one of the files does. */
export function keyOf(files: readonly SourceFile[]): unknown {
  return files.map(({ name, path, size, modified }) => [name, path, size, modified]);
}

export function sizeOf(files: readonly SourceFile[]): number {
  return files.reduce((total, { size }) => total + size, 0);
}

async function checkText(files: readonly SourceFile[], signal: AbortSignal | undefined): Promise<void> {
  for (const file of files) {
    const check = new TextCheck(file.name);
    let size = 0;
    for await (const chunk of bytesOf(file)) {
      signal?.throwIfAborted();
      check.push(chunk);
      size += chunk.length;
    }
    check.end();
    if (size === file.size) continue;
    throw new DataError(`${file.name} has ${size} bytes instead of ${file.size}; files that do not change are allowed`);
  }
}
