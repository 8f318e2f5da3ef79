// `moescope doctor`: what works on this machine, what does not, and why.
import type { BackendProbe } from "@moescope/trainer";
import type { Command } from "commander";
import {
  type Check,
  checkCompiler,
  checkMemory,
  checkPort,
  checkPython,
  checkStore,
  checkTensorflow,
  describeNode,
  describeProcessor,
} from "../doctor/checks.ts";
import { probeApart } from "../doctor/probe-apart.ts";
import { Failure } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import { print, printJson } from "../terminal/lines.ts";
import { decimal } from "../terminal/numbers.ts";
import { type Column, formatTable } from "../terminal/table.ts";

export function define(program: Command): void {
  program
    .command("doctor")
    .summary("say what works here, and why the rest does not")
    .description("Tries every backend, the store, the ports and the tools that link TensorFlow.")
    .option("--json", "print it as JSON")
    .action((options: { json?: boolean }) => interruptible((signal) => diagnose(options, signal)));
}

async function diagnose({ json }: { json?: boolean }, signal: AbortSignal): Promise<void> {
  const backends = await probeApart(signal);
  const store = await checkStore();
  const native = backends.some(({ name, works }) => name === "tensorflow" && works);
  const checks = [
    ...(native ? [await checkTensorflow()] : []),
    ...[await checkPython(), await checkCompiler(), store],
    ...[await checkPort(4680), await checkPort(4681)],
    ...[checkMemory(), describeProcessor(), describeNode()],
  ];
  if (json) printJson({ backends, checks });
  else print([...formatTable(backends, backendColumns), "", ...formatTable(checks, checkColumns)]);
  if (!backends.some(({ works }) => works)) throw new Failure("No backend works here: nothing can be trained");
  if (!store.fine) throw new Failure("The store does not open here: nothing can be collected");
}

const backendColumns: Column<BackendProbe>[] = [
  { title: "backend", value: ({ name }) => name },
  { title: "works", value: ({ works }) => (works ? "yes" : "no") },
  { title: "GFLOP/s", value: (probe) => (probe.works ? decimal(probe.gigaflops, 1) : "-"), right: true },
  { title: "", value: (probe) => (probe.works ? probe.device : `${probe.missing}. ${probe.remedy}`) },
];

const checkColumns: Column<Check>[] = [
  { title: "needed", value: ({ what }) => what },
  { title: "fine", value: ({ fine }) => (fine ? "yes" : "no") },
  { title: "", value: ({ detail }) => detail },
];
