// A train step of the reference recipe against the same step in PyTorch, run in turn so that a noisy machine is noisy for both.
import { fileURLToPath } from "node:url";
import { measureInChild, measureInWorker } from "./child.ts";
import { findPythonWithTorch, INSTALL_TORCH } from "./python.ts";
import { median, printTable } from "./table.ts";
import type { TrainStepResult } from "./train-step-worker.ts";

const ROUNDS = 3;
const STEPS = 15;

/** As peers/torch_moe.py prints it. */
interface TorchResult {
  peer: string;
  impl: string;
  ms_per_step: number;
  tokens_per_s: number;
}

export async function trainStep(): Promise<void> {
  const ours: TrainStepResult[] = [];
  const theirs = new Map<string, TorchResult[]>();
  const python = await findPythonWithTorch();
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await measureInWorker<TrainStepResult>("train-step-worker", String(STEPS)));
    for (const implementation of python ? ["loop", "bmm", "compile"] : []) {
      const result = await runTorch(python!, implementation);
      if (result) theirs.set(implementation, [...(theirs.get(implementation) ?? []), result]);
    }
  }
  report(ours, theirs);
  if (!python) console.log(`\nPyTorch was not found: ${INSTALL_TORCH}`);
}

function report(ours: TrainStepResult[], theirs: Map<string, TorchResult[]>): void {
  const step = median(ours.map(({ msPerStep }) => msPerStep));
  const gflops = median(ours.map((run) => run.flopPerStep / run.msPerStep / 1e6));
  const share = median(ours.map((run) => run.flopPerStep / run.msPerStep / 1e6 / run.matmulGflops));
  printTable(
    ["implementation", "ms a step", "tokens/s", "moescope is … times as fast (each round)"],
    [
      [`moescope on ${ours[0]!.device}`, step.toFixed(0), Math.round((ours[0]!.tokensPerStep / step) * 1e3), "1"],
      ...[...theirs].map(([name, runs]) => [
        `${runs[0]!.peer}, ${name}`,
        median(runs.map((run) => run.ms_per_step)).toFixed(0),
        Math.round(median(runs.map((run) => run.tokens_per_s))),
        runs.map((run, round) => (run.ms_per_step / ours[round]!.msPerStep).toFixed(2)).join(", "),
      ]),
    ],
  );
  console.log(
    `\n${gflops.toFixed(0)} GFLOP/s of useful arithmetic, ${(100 * share).toFixed(0)} % of the ` +
      `${median(ours.map(({ matmulGflops }) => matmulGflops)).toFixed(0)} GFLOP/s this machine's f32 matmul reached in the same runs`,
  );
}

async function runTorch(python: string, implementation: string): Promise<TorchResult | undefined> {
  const script = fileURLToPath(new URL("../../bench/peers/torch_moe.py", import.meta.url));
  try {
    return await measureInChild(python, [script, "--impl", implementation, "--steps", String(STEPS)], process.env);
  } catch (error) {
    console.log(`PyTorch (${implementation}) could not be measured: ${(error as Error).message}`);
    return undefined;
  }
}
