// A corpus larger than memory: what a process needs does not grow with the files.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { useDataFolder } from "./data-folder.fixture.ts";

const folder = useDataFolder();
const megabyte = 2 ** 20;

/** A megabyte of lines. */
const block = (line: (n: number) => string) => {
  let text = "";
  for (let n = 0; text.length < megabyte; n++) text += line(n);
  return Buffer.from(text);
};

function writeLarge(name: string, content: Buffer, times: number): string {
  const path = folder.write(name, "");
  const file = openSync(path, "w");
  for (let n = 0; n < times; n++) writeSync(file, content);
  closeSync(file);
  return path;
}

/** @returns bytes that a process held at most which opened the file and drew 200 batches */
function peakOf(glob: string): number {
  const program = `
    import { readFileSync } from "node:fs";
    import { openCorpus } from ${JSON.stringify(join(import.meta.dirname, "../../dist/data/corpus.js"))};
    const sources = [{ category: "large", glob: ${JSON.stringify(glob)} }];
    const corpus = await openCorpus({ sources, seed: 1, batch: 16, sequence: 128, validationBatches: 4 });
    for (let step = 0; step < 200; step++) corpus.batchAt(step);
    process.stdout.write(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  `;
  // Newer Nodes let what is young grow to several times as much before they collect it, whatever the program does.
  const args = ["--max-semi-space-size=16", "--input-type=module", "-e", program];
  // Kilobytes. The peak that getrusage gives is that of the process which started this one, if that was larger.
  return 1024 * Number(execFileSync(process.execPath, args).toString());
}

test.runIf(process.platform === "linux").each([
  ["text, read in place", "txt", block((n) => `line ${n} of a large file\n`)],
  ["JSONL, prepared", "jsonl", block((n) => `${JSON.stringify({ text: `document ${n} ${"words ".repeat(40)}` })}\n`)],
  ["gzip, prepared", "txt.gz", gzipSync(block((n) => `line ${n} of a packed file\n`))],
])("%s: a hundred times the data takes little more memory", (_, ending, content) => {
  const small = peakOf(writeLarge(`small.${ending}`, content, 1));
  const large = peakOf(writeLarge(`large.${ending}`, content, 100));
  // 100 MB of data; buffers and what the garbage collector leaves for later are allowed.
  expect((large - small) / megabyte).toBeLessThan(50);
});
