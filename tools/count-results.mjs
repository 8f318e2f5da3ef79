// Adds up the result files that every package's vitest wrote: names what failed, and prints the totals as the last line.
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

const names = [];
for (const file of results.flatMap((result) => result.testResults)) {
  const failures = file.assertionResults.filter((test) => test.status === "failed");
  if (file.status === "failed" && failures.length === 0) report(file.name, file.message);
  for (const test of failures) report(`${file.name} > ${test.fullName}`, test.failureMessages.join("\n"));
}
for (const name of names) console.log(`FAILED ${name}`);
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** A message that quotes a whole log is cut in its middle: its end says what was expected. */
function report(name, message) {
  names.push(name);
  const lines = message.split("\n");
  const shown =
    lines.length <= 40 ? lines : [...lines.slice(0, 5), `(${lines.length - 40} lines)`, ...lines.slice(-35)];
  console.log(`\n${name}\n${shown.join("\n")}\n`);
}
