import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { openDatabase } from "../../testing/store-kind.ts";
import { answerBlocks } from "./native-answer.ts";

test("numbers, texts and arrays of every kind that history selects, over several blocks, and no rows at all", async () => {
  const database = await openDatabase(join(temporaryDirectory(), "store"));
  const select = `SELECT number * 9007199254740, toUInt32(number), toUInt8(number % 2), number / 0, number - 0.5 AS half,
    concat('é', toString(number)), arrayMap(n -> n + 4294967295, range(number % 4)), [toFloat32(half)], emptyArrayFloat64()
    FROM numbers(1000) WHERE number < {below:UInt64} SETTINGS max_block_size = 300`;
  const blocks = await database.blocks(select, { below: 900 });
  expect(blocks.length).toBeGreaterThan(1);
  const rows = blocks.flatMap(({ rows, columns }) =>
    Array.from({ length: rows }, (_, row) => columns.map((c) => c[row])),
  );
  rows.sort(([a], [b]) => Number(a) - Number(b));
  expect(rows).toHaveLength(900);
  for (const [number, row] of rows.entries()) {
    const [array, single, none] = row.slice(6).map((items) => [...(items as Float64Array)]);
    const plain = [number * 9007199254740, number, number % 2, number === 0 ? Number.NaN : Number.POSITIVE_INFINITY];
    expect(row.slice(0, 6)).toEqual([...plain, number - 0.5, `é${number}`]);
    expect(array).toEqual(Array.from({ length: number % 4 }, (_, n) => n + 4294967295));
    expect([single, none]).toEqual([[number - 0.5], []]);
  }
  expect((await database.blocks(select, { below: 0 })).reduce((sum, { rows }) => sum + rows, 0)).toBe(0);
  await expect(database.blocks("SELECT throwIf(number = 5) FROM numbers(10)")).rejects.toThrow();
  await database.close();
});

test("an answer that is cut off is no answer", () => {
  const column = [1, 97, 6, ...Buffer.from("UInt32")];
  expect(answerBlocks(Uint8Array.from([1, 1, ...column, 5, 0, 0, 0]))[0]!.columns[0]![0]).toBe(5);
  expect(() => answerBlocks(Uint8Array.from([1, 1, ...column, 5, 0]))).toThrow(/cut off/);
});
