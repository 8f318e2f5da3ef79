import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { asNumber, Database } from "./database.ts";
import { BlockWriter } from "./native.ts";

/** Takes the engine minutes. */
const ENDLESS = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)";
/** Takes it a tenth of a second or two. */
const LONG = "SELECT sum(sipHash64(number)) FROM numbers(10000000)";

async function openDatabase(directory = temporaryDirectory()): Promise<Database> {
  const database = await Database.embedded(join(directory, "store"));
  onTestFinished(() => database.close());
  return database;
}

async function createTable(database: Database): Promise<void> {
  await database.run("CREATE DATABASE IF NOT EXISTS moescope");
  await database.run("CREATE TABLE moescope.numbers (number UInt32) ENGINE = MergeTree ORDER BY number");
}

function numbers(count: number) {
  const writer = new BlockWriter({ number: "UInt32" });
  for (let number = 0; number < count; number++) writer.add(number);
  return writer.block();
}

test("rows are stored while many questions wait for their answers", async () => {
  const database = await openDatabase();
  await createTable(database);
  let answered = 0;
  const questions = Array.from({ length: 16 }, async () => {
    await database.rows(LONG);
    answered++;
  });
  await database.insert("numbers", numbers(10), "a");
  // Two connections answer questions; an insert needs threads of this process for its files and for its statement.
  expect(answered).toBeLessThan(8);
  await Promise.all(questions);
});

test("closing breaks off what runs, and refuses what waits", async () => {
  const directory = temporaryDirectory();
  const database = await openDatabase(directory);
  await createTable(database);
  await database.run("INSERT INTO moescope.numbers SELECT number FROM numbers(2000000)");
  const asked = [
    ...Array.from({ length: 6 }, () => database.rows(ENDLESS)),
    // Takes 20 seconds, in the background of the engine, which is waited for.
    database.run("ALTER TABLE moescope.numbers DELETE WHERE sleepEachRow(0.00001) = 1 SETTINGS mutations_sync = 2"),
  ];
  const ended = Promise.allSettled(asked);
  await new Promise(setImmediate); // they have been handed to the engine by now
  await database.close();
  const reasons = (await ended).map((each) => (each.status === "rejected" ? String(each.reason) : "answered"));
  for (const reason of reasons) expect(reason).toMatch(/cancel|abort|killed|being closed/i);
  const again = await openDatabase(directory);
  expect(asNumber((await again.rows("SELECT count() FROM moescope.numbers"))[0]![0])).toBe(2_000_000);
}, 30_000);
