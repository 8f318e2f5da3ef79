// A folder of files for tests of data, with a cache folder of its own; both are gone when the tests of a file end.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";
import { type Batch, type Corpus, type CorpusOptions, openCorpus } from "./corpus.ts";

export const shape = { seed: 1, batch: 8, sequence: 64, validationBatches: 3 };

export class DataFolder {
  path = "";
  /** Lines that preparing said, newest last. */
  notices: string[] = [];

  get cache(): string {
    return join(this.path, "cache", "moescope", "data");
  }

  /** @returns the path of the file */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  open(glob: string, options: Partial<CorpusOptions> & { field?: string; heldOut?: string } = {}): Promise<Corpus> {
    const { field, heldOut, ...others } = options;
    const sources = [{ category: "mine", glob, field, heldOut }];
    return openCorpus({ ...shape, sources, notice: (line) => this.notices.push(line), ...others });
  }
}

export function useDataFolder(): DataFolder {
  const folder = new DataFolder();
  beforeAll(() => {
    folder.path = mkdtempSync(join(tmpdir(), "moescope-data-"));
    vi.stubEnv("XDG_CACHE_HOME", join(folder.path, "cache"));
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder.path, { recursive: true });
  });
  return folder;
}

/** The rows of batches of bytes, as text. */
export function textsOf(...batches: Batch[]): string[] {
  const width = shape.sequence + 1;
  return batches.flatMap(({ tokens }) => {
    return Array.from({ length: tokens.length / width }, (_, row) => {
      return Buffer.from(tokens.subarray(row * width, (row + 1) * width)).toString("latin1");
    });
  });
}

export function batchesOf(corpus: Corpus, steps: number): Batch[] {
  return Array.from({ length: steps }, (_, step) => corpus.batchAt(step));
}
