// The `moescope` command: finds the command asked for, runs it, and ends with its exit code.
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { exitCodeOf, explain } from "./failure.ts";
import { divertConsole } from "./terminal/console.ts";
import { note, paragraph, print } from "./terminal/lines.ts";

/** Loaded only when needed: TensorFlow.js and ClickHouse take a while. */
const commands = {
  demo: () => import("./commands/demo.ts"),
  train: () => import("./commands/train.ts"),
  compare: () => import("./commands/compare.ts"),
  collect: () => import("./commands/collect.ts"),
  runs: () => import("./commands/runs.ts"),
  show: () => import("./commands/show.ts"),
  figure: () => import("./commands/figure.ts"),
  report: () => import("./commands/report.ts"),
  watch: () => import("./commands/watch.ts"),
  export: () => import("./commands/export.ts"),
  import: () => import("./commands/import.ts"),
  backup: () => import("./commands/backup.ts"),
  restore: () => import("./commands/restore.ts"),
  delete: () => import("./commands/delete.ts"),
  doctor: () => import("./commands/doctor.ts"),
};

async function buildProgram(words: readonly string[]): Promise<Command> {
  const program = new Command("moescope")
    .description("See what the routers of a Mixture-of-Experts model do while it trains.")
    .version(versionOfPackage())
    .option("--verbose", "print the stack of an error")
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 wrong use, 3 a watched run has an alert, 130 interrupted.")
    .configureOutput({
      writeOut: (text) => print(text.trimEnd().split("\n")),
      writeErr: (text) => note(text.trimEnd().split("\n")),
      outputError: (text) => note(paragraph(text.trimEnd())),
    })
    .exitOverride();
  const asked = words.find((word) => !word.startsWith("-"));
  const wanted = Object.entries(commands).filter(([name]) => name === asked);
  for (const [, load] of wanted.length > 0 ? wanted : Object.entries(commands)) (await load()).define(program);
  return program;
}

function versionOfPackage(): string {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}

async function main(words: readonly string[]): Promise<void> {
  try {
    const program = await buildProgram(words);
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    fail(error, words);
  }
}

function fail(error: unknown, words: readonly string[]): void {
  note(explain(error, words.includes("--verbose")));
  process.exitCode = exitCodeOf(error);
}

divertConsole();
process.on("uncaughtException", (error) => {
  fail(error, process.argv);
  process.exit();
});
await main(process.argv.slice(2));
