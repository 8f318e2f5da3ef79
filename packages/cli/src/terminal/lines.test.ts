import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { hostileText, unprintableIn } from "../testing/hostile-text.ts";
import { divertConsole } from "./console.ts";
import { divertNotes, note, paragraph, print, printJson } from "./lines.ts";

/** What is written to stdout meanwhile, save by whoever runs the test. */
function printed(work: () => void): string {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    work();
    return write.mock.calls.map(([text]) => text).join("");
  } finally {
    write.mockRestore();
  }
}

function noted(work: () => void): string {
  const texts: string[] = [];
  const end = divertNotes((text) => texts.push(text));
  try {
    work();
    return texts.join("");
  } finally {
    end();
  }
}

describe("whatever is in a line", () => {
  const ways = { print: printed, note: noted };
  const writers = { print, note };

  it.each(["print", "note"] as const)("%s writes one line for it, and nothing in it steers the terminal", (way) => {
    fc.assert(
      fc.property(fc.array(hostileText), (lines) => {
        const written = ways[way](() => writers[way](lines)).split("\n");
        expect(written.pop()).toBe("");
        expect(written).toHaveLength(lines.length);
        expect(written.flatMap(unprintableIn)).toEqual([]);
      }),
    );
  });

  it("JSON parses back to what it was", () => {
    const value = fc.dictionary(hostileText, fc.oneof(hostileText, fc.array(hostileText)));
    fc.assert(
      fc.property(value, (given) => {
        const text = printed(() => printJson(given));
        expect(text.split("\n").flatMap(unprintableIn)).toEqual([]);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  it("lines of a paragraph after the first are indented, so that none passes for another message", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const lines = noted(() => note(paragraph(`Error: ${text}`))).split("\n");
        expect(lines.pop()).toBe("");
        expect(lines[0]).toMatch(/^Error: /);
        for (const line of lines.slice(1)) expect(line).toMatch(/^ {2}/);
        expect(lines.flatMap(unprintableIn)).toEqual([]);
      }),
    );
  });

  it("what a library says through the console is a note", () => {
    const before = globalThis.console;
    onTestFinished(() => {
      globalThis.console = before;
      vi.unstubAllEnvs();
    });
    vi.stubEnv("FORCE_COLOR", "1");
    divertConsole();
    fc.assert(
      fc.property(hostileText, (text) => {
        const said = noted(() => console.warn("%s", text));
        expect(said.split("\n").flatMap(unprintableIn)).toEqual([]);
      }),
    );
    expect(noted(() => console.log("\x1b[2J", { a: 1 }))).toBe("\\u001b[2J { a: 1 }\n");
  });
});

it("no other code writes to the terminal", () => {
  const source = join(import.meta.dirname, "..");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !/^(terminal|testing)\/|\.test\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(50);
  const writes = (file: string) =>
    /process\.std(out|err)|\bconsole\.\w+\(|noteColoured/.test(readFileSync(join(source, file), "utf8"));
  expect(files.filter(writes)).toEqual([]);
});
