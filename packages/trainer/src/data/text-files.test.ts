import { utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useDataFolder } from "./data-folder.fixture.ts";

const folder = useDataFolder();

test("that very many files are text is checked once, and again when one of them changes", async () => {
  for (let n = 0; n < 5001; n++) folder.write(`many/${n}.txt`, `file ${n}`);
  const pattern = join(folder.path, "many/*");
  await folder.open(pattern);
  expect(folder.notices[0]).toMatch(/^Preparing the check that mine=.* is text, 43\.9 kB/);
  await folder.open(pattern);
  expect(folder.notices).toHaveLength(2);
  utimesSync(join(folder.path, "many/7.txt"), 1, 1);
  await folder.open(pattern);
  expect(folder.notices).toHaveLength(4);
  folder.write("many/8.txt", "file\0eight");
  await expect(folder.open(pattern)).rejects.toThrow(/8\.txt is a binary file \(NUL at byte 4\)/);
});
