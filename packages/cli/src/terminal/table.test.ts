import fc from "fast-check";
import { expect, it } from "vitest";
import { hostileText, unprintableIn } from "../testing/hostile-text.ts";
import { formatTable } from "./table.ts";

it("aligns words to the left and numbers to the right", () => {
  const rows = [
    { name: "auxiliary-loss", steps: 5 },
    { name: "none", steps: 1000 },
  ];
  const table = formatTable(rows, [
    { title: "strategy", value: ({ name }) => name },
    { title: "steps", value: ({ steps }) => String(steps), right: true },
  ]);
  expect(table).toEqual([
    "strategy        steps",
    "─────────────────────",
    "auxiliary-loss      5",
    "none             1000",
  ]);
});

it("keeps its columns whatever is in its cells", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(hostileText, hostileText)), (rows) => {
      const [head, , ...lines] = formatTable(rows, [
        { title: "", value: ([first]) => `<${first}>` },
        { title: "second", value: ([, second]) => `<${second}>`, right: true },
      ]);
      expect(lines).toHaveLength(rows.length);
      for (const line of lines) expect(line).toHaveLength(head!.length);
      expect(lines.flatMap(unprintableIn)).toEqual([]);
    }),
  );
});
