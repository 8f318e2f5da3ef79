// Links native TensorFlow from a script: progress and outcome as lines, exit status 0 even when the machine lacks something.
import { parseArgs } from "node:util";
import { describeOutcome, describeProgress, ensureTensorflow, type TensorflowProgress } from "./index.ts";

const HELP = `node tools/dist/tensorflow/main.js [--offline] [--rebuild] [--require] [--cache DIR] [--json]

Finds or fetches TensorFlow and compiles the addon of @tensorflow/tfjs-node-gpu for it, into a cache outside the checkout.

  --offline    use only what is on this machine
  --rebuild    compile and check again what an earlier call left
  --require    exit with 1 when TensorFlow could not be linked
  --cache DIR  folder that keeps TensorFlow and the compiled addon
  --json       print the outcome as JSON`;

const OPTIONS = {
  offline: { type: "boolean" },
  rebuild: { type: "boolean" },
  require: { type: "boolean" },
  cache: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean" },
} as const;

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) return show(HELP);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort(signal));
  const line = progressLine();
  try {
    const outcome = await ensureTensorflow({
      onProgress: line.show,
      offline: options.offline ?? false,
      rebuild: options.rebuild ?? false,
      signal: stop.signal,
      ...(options.cache && { cacheDirectory: options.cache }),
    });
    line.clear();
    show(options.json ? JSON.stringify(outcome) : describeOutcome(outcome));
    return options.require && !outcome.linked ? 1 : 0;
  } catch (error) {
    line.clear();
    if (!stop.signal.aborted) throw error;
    process.stderr.write("stopped; nothing is left half done\n");
    return stop.signal.reason === "SIGINT" ? 130 : 143;
  }
}

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}\n`);
    return undefined;
  }
}

function show(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** One line that changes on a terminal, one line for each stage elsewhere. */
function progressLine() {
  const { isTTY } = process.stderr;
  let last = "";
  return {
    show(progress: TensorflowProgress) {
      const text = isTTY ? `\r\x1b[K${describeProgress(progress)}` : `${describeProgress(progress)}\n`;
      if (isTTY || progress.stage !== last) process.stderr.write(text);
      last = progress.stage;
    },
    clear() {
      if (isTTY) process.stderr.write("\r\x1b[K");
    },
  };
}

process.exitCode = await main();
