// What the command says, in one line, when it is told something that is not allowed.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { moescope, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

const alone = ["--no-collector", "--steps", "1"];

const cases: [what: string, args: string[], says: RegExp][] = [
  ["an unknown command", ["trian"], /unknown command 'trian'[\s\S]*train/],
  ["an unknown option", ["train", "--stpes", "3"], /unknown option '--stpes'[\s\S]*--steps/],
  ["an unknown recipe", ["train", "--recipe", "dmeo"], /"dmeo".*"demo".*quick/],
  ["an unknown strategy", ["train", "--strategy", "loss-free"], /"loss-free".*"loss-free-bias".*auxiliary-loss/],
  ["an unknown setting", ["train", "--set", "model.expert=8"], /"model.expert".*"model.experts"/],
  ["a setting without a value", ["demo", "--set", "model.experts"], /"model.experts".*key=value/],
  ["more choices than experts", ["train", "--set", "model.topK=99"], /model.topK is 99.*1 to model.experts = 16/],
  ["steps that are no number", ["train", "--steps", "many"], /'many'.*whole numbers from 1/],
  ["an unknown backend", ["train", "--backend", "cuda"], /'cuda'.*tensorflow, wasm, cpu/],
  ["a collector without a port", ["train", "--collector", "localhost"], /'localhost'.*HOST:PORT/],
  ["a configuration that is not there", ["train", "--config", "none.json"], /none\.json cannot be read: ENOENT/],
  [
    "a configuration and a recipe",
    ["train", "--config", "a.json", "--recipe", "demo"],
    /--config and --recipe do not go/,
  ],
  ["a run to go on that was never kept", ["train", "--resume", "demo"], /"demo"; no run is kept in .*checkpoints/],
  ["a parent that was never kept", ["train", "--from", "demo@8"], /"demo"; no run is kept in .*checkpoints/],
  ["to go on and keep nothing", ["train", "--resume", "demo", "--no-checkpoints"], /--resume and --no-checkpoints/],
  ["no steps between checkpoints", ["train", "--checkpoint-every", "0"], /'0'.*whole numbers from 1/],
  ["a port that cannot be", ["collect", "--http", "70000"], /'70000'.*0 to 65535/],
  ["a page that is no origin", ["collect", "--frame-in", "http://lab/a"], /'http:\/\/lab\/a'.*none.*http:\/\/lab:8888/],
  ["steps to keep that are neither", ["collect", "--keep-steps", "30h"], /'30h'.*all.*20000.*30d/],
  ["steps that are no multiple of 32", ["collect", "--roll-up-every", "48"], /'48'.*multiples of 32/],
  ["an unknown built-in category", ["demo", "--data", "musik"], /musik.*code, docs, maths/],
  ["a directory without runs", ["runs", "--data", "nowhere"], /--data nowhere.*a collector has written to/],
  ["an unknown figure", ["figure", "relative", "--runs", "a", "--out", "a.svg"], /"relative".*"relative-load"/],
  [
    "an unknown form of a figure",
    ["figure", "relative-load", "--runs", "a", "--out", "a.pdf"],
    /a\.pdf.*\.svg, \.png, \.csv/,
  ],
];

describe("wrong use ends with exit code 2 and names the value and what is allowed", () => {
  it.each(cases)("%s", async (_what, args, says) => {
    await expectWrongUse(args, says);
  });

  it("a glob that matches nothing", async () => {
    await expectWrongUse(["train", ...tinyRun, ...alone, "--data", "mine=none/*.txt"], /"none\/\*\.txt".*"texts/);
  });

  it("a binary file", async () => {
    const directory = temporaryDirectory();
    const file = join(directory, "image.txt");
    writeFileSync(file, Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1]));
    await expectWrongUse(
      ["train", ...tinyRun, ...alone, "--data", `mine=${directory}/*.txt`],
      /image\.txt is a binary file/,
    );
  });
});

async function expectWrongUse(args: string[], says: RegExp): Promise<void> {
  const { code, stdout, stderr } = await moescope(args, import.meta.dirname);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
}
