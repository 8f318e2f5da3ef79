// `moescope show`: one run: what it was told, how it went, and how even its layers are.
import type { Client, LayerBalance } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";
import { Failure } from "../failure.ts";
import { type Balance, balanceAtEnd } from "../reading/balance.ts";
import { allRuns, findRun, type StoredRun } from "../reading/find-run.ts";
import { countHeads, type HeadCounts } from "../reading/heads.ts";
import { asJson } from "../reading/json.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { configurationLines, readConfiguration, runFacts } from "../reading/run-facts.ts";
import { print, printJson } from "../terminal/lines.ts";
import { decimal, whole } from "../terminal/numbers.ts";
import { type Column, formatTable } from "../terminal/table.ts";

export function define(program: Command): void {
  addReadOptions(program.command("show").summary("show one stored run"))
    .description(
      "Shows a run's configuration and state, and over its last tenth of steps the balance of every layer, and which experts have load and next to no gate mass (unheard).",
    )
    .argument("<run>", "its id, or the beginning of it")
    .option("--json", "print it as JSON")
    .option("--attempt <n>", "the balance of this attempt (default: of repeated steps the newest)", wholeNumber(0))
    .option("--config", "print its configuration alone, as JSON: for `train --config`")
    .action(show);
}

interface ShowOptions extends ReadOptions {
  json?: boolean;
  config?: boolean;
  attempt?: number;
}

async function show(wanted: string, options: ShowOptions): Promise<void> {
  const { summary, balance, heads } = await withRuns(options, (client) => read(client, wanted, options.attempt));
  const configuration = readConfiguration(summary.run);
  if (options.config) {
    if (configuration === undefined) throw new Failure(`The configuration of run ${summary.run.id} is not JSON`);
    printJson(configuration);
    return;
  }
  if (options.json) {
    printJson({ ...asJson(v1.RunSummary, summary), configuration: configuration ?? null, balance, heads });
    return;
  }
  print(runFacts(summary, heads));
  print(["", ...(configuration === undefined ? [summary.run.configJson] : configurationLines(configuration))]);
  if (balance.layers.length === 0) return;
  print(["", `Balance over steps ${balance.firstStep} to ${balance.lastStep}`]);
  print(formatTable(balance.layers, layerColumns));
}

interface Shown {
  summary: StoredRun;
  balance: Balance;
  heads: HeadCounts | undefined;
}

async function read(client: Client, wanted: string, attempt?: number): Promise<Shown> {
  const summary = findRun(await allRuns(client), wanted);
  const heads = await countHeads(client, summary.run.id);
  return { summary, balance: await balanceAtEnd(client, summary, attempt), heads };
}

const layerColumns: Column<LayerBalance>[] = [
  { title: "layer", value: ({ layer }) => String(layer), right: true },
  { title: "MaxVio batch", value: (row) => decimal(row.maxViolationBatch, 3), right: true },
  { title: "highest", value: (row) => decimal(row.highestMaxViolationBatch, 3), right: true },
  { title: "global", value: (row) => decimal(row.maxViolationGlobal, 3), right: true },
  { title: "CV", value: (row) => decimal(row.coefficientOfVariation, 3), right: true },
  { title: "entropy", value: ({ entropy }) => decimal(entropy, 4), right: true },
  { title: "busiest", value: (row) => `${row.busiestExpert} (${decimal(row.busiestLoad, 2)}x)`, right: true },
  { title: "dead", value: (row) => row.deadExperts.join(",") || "none", right: true },
  { title: "dropped", value: ({ dropped }) => whole(dropped), right: true },
  // Share of gate mass over share of load: from the expert that is listened to least to the one that is most.
  { title: "gates / load", value: ({ gates }) => gateRange(gates), right: true },
  { title: "unheard", value: ({ gates }) => (gates ? gates.unheardExperts.join(",") || "none" : "–"), right: true },
];

function gateRange(gates: LayerBalance["gates"]): string {
  return gates ? `${decimal(gates.lowestPerLoad, 2)}–${decimal(gates.highestPerLoad, 2)}` : "–";
}
