import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { pino } from "pino";
import { expect, it } from "vitest";
import { hostileText, unprintableIn } from "../testing/hostile-text.ts";
import { logWriter, prettyLines } from "./collector-log.ts";
import { divertNotes } from "./lines.ts";

/** Everything that a record of the log may hold, from senders. */
const record = fc.record({
  message: hostileText,
  error: hostileText.map((text) => new Error(text)),
  run: hostileText,
  counters: fc.dictionary(hostileText, hostileText),
  list: fc.array(hostileText),
});

function logged({ message, ...fields }: { message: string }, logTo: (line: string) => void): void {
  pino({ name: "collector", errorKey: "error" }, { write: logTo }).error(fields, message);
}

function writtenBy(logTo: (line: string) => void, work: (logTo: (line: string) => void) => void): string {
  const texts: string[] = [];
  const end = divertNotes((text) => texts.push(text));
  try {
    work(logTo);
    return texts.join("");
  } finally {
    end();
  }
}

it("for a person: a line, and what belongs to it indented; nothing from a sender steers the terminal", () => {
  fc.assert(
    fc.property(record, (given) => {
      const texts: string[] = [];
      logged(given, (line) => texts.push(prettyLines(false)(line)));
      const [first, ...others] = texts.join("").trimEnd().split("\n");
      expect(first).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] ERROR: /);
      for (const line of others) expect(line).toMatch(/^ {4}/);
      expect([first!, ...others].flatMap(unprintableIn)).toEqual([]);
    }),
  );
});

it("in colours: they are the only escape sequences", () => {
  fc.assert(
    fc.property(record, (given) => {
      const texts: string[] = [];
      logged(given, (line) => texts.push(prettyLines(true)(line)));
      const text = texts.join("");
      expect(text).toContain("\x1b[31mERROR\x1b[39m");
      expect(stripVTControlCharacters(text).split("\n").flatMap(unprintableIn)).toEqual([]);
      expect(
        text
          .split("\x1b")
          .slice(1)
          .filter((rest) => !/^\[\d\dm/.test(rest)),
      ).toEqual([]);
    }),
  );
});

it("for a program: a line of JSON that parses back", () => {
  fc.assert(
    fc.property(record, (given) => {
      const text = writtenBy(logWriter("json"), (logTo) => logged(given, logTo));
      expect(text.split("\n").flatMap(unprintableIn)).toEqual([]);
      const { run, counters, list, msg } = JSON.parse(text);
      const { message, ...fields } = JSON.parse(JSON.stringify(given));
      expect({ run, counters, list, message: msg }).toEqual({ ...fields, message, error: undefined });
    }),
  );
});

it("says an error with its stack, each call on a line", () => {
  const texts: string[] = [];
  logged({ message: "it broke", ...{ error: new Error("the disk is full") } }, (line) =>
    texts.push(prettyLines(false)(line)),
  );
  expect(texts.join("")).toMatch(/ERROR: it broke\n[\s\S]*the disk is full[\s\S]*\n +at .*collector-log\.test\.ts/);
});
