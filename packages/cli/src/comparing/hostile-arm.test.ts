// A comparison whose texts are as hostile as they get: on a terminal, and as Markdown.
import fc from "fast-check";
import { expect, it } from "vitest";
import { visible } from "../terminal/visible.ts";
import { hostileText, unprintableIn } from "../testing/hostile-text.ts";
import { comparisonOf } from "./comparison.ts";
import { comparisonMarkdown, comparisonText } from "./comparison-text.ts";
import { markdown, markdownTable } from "./markdown.ts";

const comparison = fc
  .record({ name: hostileText, arms: fc.uniqueArray(hostileText, { minLength: 1, maxLength: 3 }), reason: hostileText })
  .map(({ name, arms, reason }) => {
    const described = arms.map((arm) => ({ name: arm, strategy: arm, settings: [arm] }));
    return comparisonOf(name, described, [], [{ run: "r", arm: arms[0]!, seed: 0, reason }]);
  });

it("has the lines that it has with harmless texts, and nothing in them steers the terminal", () => {
  fc.assert(
    fc.property(comparison, hostileText, (given, trainedOn) => {
      const lines = comparisonText(given, trainedOn).map(visible);
      const arms = given.arms.map((arm, place) => ({ ...arm, name: `arm${place}` }));
      const harmless = comparisonOf("name", arms, [], [{ ...given.failed[0]!, reason: "why" }]);
      expect(lines).toHaveLength(comparisonText(harmless, "text").length);
      expect(lines.flatMap(unprintableIn)).toEqual([]);
    }),
  );
});

it("is Markdown of as many lines, whatever is in its cells", () => {
  fc.assert(
    fc.property(comparison, hostileText, (given, trainedOn) => {
      const arms = given.arms.map((arm, place) => ({ ...arm, name: `arm${place}` }));
      const harmless = comparisonOf("name", arms, [], [{ ...given.failed[0]!, reason: "why" }]);
      const breaks = (text: string) => text.split(/\r\n|[\r\n]/).length;
      expect(breaks(comparisonMarkdown(given, trainedOn))).toBe(breaks(comparisonMarkdown(harmless, "text")));
    }),
  );
});

/** What a reader of GitHub's Markdown makes of a line of a table. */
function cellsOf(line: string): string[] {
  const cells = line
    .slice(2, -2)
    .match(/(?:\\.|[^|])*/gs)!
    .filter((cell) => cell !== "");
  return cells.map((cell) => cell.trim().replace(/<br>|\\(.)/gs, (_, escaped) => escaped ?? "\n"));
}

it("a table keeps what is in its cells, a row a line", () => {
  const cell = hostileText
    .map((text) => text.replace(/\r\n?/g, "\n"))
    .filter((text) => text.trim() === text && text !== "");
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell)), (rows) => {
      const [, , ...lines] = markdownTable(rows, [
        { title: "a", value: ([a]) => a },
        { title: "b", value: ([, b]) => b },
      ]);
      expect(lines.map(cellsOf)).toEqual(rows);
    }),
  );
  expect(markdown("a|b\\c\r\nd <script>")).toBe("a\\|b\\\\c<br>d \\<script>");
});
