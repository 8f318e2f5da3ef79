// Keeps README.md true: its limits are those of the table, its rejections those of the schema.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withChecksum } from "./checksum.ts";
import { LIMITS, PROTOCOL_VERSION, v1 } from "./index.ts";

const root = join(import.meta.dirname, "..");
const file = join(root, "README.md");
const LIMITS_SECTION = /(<!-- limits: .*-->\n)[\s\S]*?(<!-- \/limits -->)/;

function limitsTable(): string {
  const rows = Object.values(LIMITS).map(({ most, of, why }) => `| ${of} | ${most.toLocaleString("en")} | ${why} |`);
  return ["| what | at most | what honest senders have |", "| --- | --- | --- |", ...rows, ""].join("\n");
}

test("its table of limits is the one that collectors check", () => {
  const text = readFileSync(file, "utf8");
  const expected = text.replace(LIMITS_SECTION, `$1${limitsTable()}$2`);
  if (process.env.UPDATE_README) writeFileSync(file, expected);
  else expect(text).toBe(expected);
});

/** The first column of the table under a heading. */
function listed(heading: string): string[] {
  const section = readFileSync(file, "utf8").split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
  return section.split("\n").flatMap((line) => {
    const [cell] = /^\| (`[^|]*)\|/.exec(line)?.slice(1) ?? [];
    return [...(cell ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name!);
  });
}

test("it says of every rejection what to do", () => {
  const reasons = Object.keys(v1.Rejection.Reason).filter((name) => Number.isNaN(Number(name)));
  expect(listed("Rejections").sort()).toEqual(reasons.sort());
});

test("it names the protocol's version, the fields of a message, and a checksum that is right", () => {
  const text = readFileSync(file, "utf8");
  expect(text).toContain(`| \`protocol_version\` | ${PROTOCOL_VERSION} |`);
  const sum = [...withChecksum(Buffer.from("123456789")).subarray(-5)];
  expect(text).toContain(`\`${sum.map((byte) => byte.toString(16)).join(" ")}\``);
  const schema = ["run", "step", "collector"].map((name) =>
    readFileSync(join(root, `moescope/v1/${name}.proto`), "utf8"),
  );
  const known = new Set([...schema.join().matchAll(/\b(\w+) = \d+;/g)].map(([, name]) => name!));
  const named = [...text.matchAll(/`(?:run\.)?([a-z]+(?:_[a-z]+)+)(?:\[e\])?`/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(20);
  const scalars = ["learning_rate", "gradient_norm", "tokens_per_second", "step_time"];
  const others = named.filter((name) => !known.has(name) && !scalars.includes(name) && !name.startsWith("moescope_"));
  expect(others).toEqual([]);
});
