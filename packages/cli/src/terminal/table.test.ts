import { expect, it } from "vitest";
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
  expect(table.split("\n")).toEqual([
    "strategy        steps",
    "─────────────────────",
    "auxiliary-loss      5",
    "none             1000",
  ]);
});
