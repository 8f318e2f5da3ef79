// Adds up the result files that every package's vitest wrote, and prints the totals as the last line.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const results = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")));
const sum = (count) => results.reduce((total, result) => total + count(result), 0);

const passed = sum((result) => result.numPassedTests);
// A file that does not even load has no tests to fail, so it counts as one.
const broken = sum(
  (result) =>
    result.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length,
);
const failed = sum((result) => result.numFailedTests) + broken;
const skipped = sum((result) => result.numPendingTests + result.numTodoTests);

console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
