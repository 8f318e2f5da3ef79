// Documents made into tokens once: two files of tokens, one to train on and one held out.
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Piece } from "./documents.ts";
import { prepare } from "./prepared-folder.ts";
import type { OpeningData } from "./source-data.ts";
import type { TextSplits } from "./stored-text.ts";
import { joinTokens, type StoredTokens, type TokenWidth, tokensInFile } from "./stored-tokens.ts";
import { TokenWriter } from "./token-writer.ts";
import { widthOf } from "./tokenizer.ts";

/** Milliseconds between lines that say how far it is. */
const noticeEvery = 30_000;

export interface Documents {
  /** Differs when the documents may differ. */
  key: unknown;
  /** For people to read. */
  what: string;
  /** Bytes to read. */
  size: number;
  pieces(): AsyncIterable<Piece>;
}

export async function prepareText({ key, what, size, pieces }: Documents, opening: OpeningData): Promise<TextSplits> {
  const { tokenizer, notice } = opening;
  const folder = await prepare({
    key: ["text", tokenizer.key, key],
    what,
    size,
    write: (work) => writeTokens(work, pieces(), opening, what),
    notice,
  });
  const [training, validation] = tokenPaths(folder).map((path) => openTokens(path, widthOf(tokenizer)));
  return { training: training!, validation: validation!, whole: joinTokens([training!, validation!]) };
}

function tokenPaths(folder: string): string[] {
  return [join(folder, "training"), join(folder, "validation")];
}

async function writeTokens(
  folder: string,
  pieces: AsyncIterable<Piece>,
  { tokenizer, notice, signal }: OpeningData,
  what: string,
): Promise<void> {
  const [training, validation] = tokenPaths(folder).map((path) => new TokenWriter(path, widthOf(tokenizer)));
  let noticed = performance.now();
  try {
    for await (const { text, heldOut, last } of pieces) {
      signal?.throwIfAborted();
      const side = heldOut ? validation! : training!;
      side.write(tokenizer.encode(text));
      if (last && tokenizer.end !== undefined) side.push(tokenizer.end);
      if (performance.now() - noticed < noticeEvery) continue;
      noticed = performance.now();
      notice(`Preparing ${what}: ${((training!.length + validation!.length) / 1e6).toFixed(1)} million tokens so far`);
    }
  } finally {
    training!.close();
    validation!.close();
  }
}

export function openTokens(path: string, width: TokenWidth): StoredTokens {
  return tokensInFile({ path, width, length: statSync(path).size / width });
}
