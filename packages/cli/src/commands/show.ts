// `moescope show`: one run: what it was told, how it went, and how even its layers are.
import type { Client, LayerBalance } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";
import { attemptLines, ranksText } from "../reading/attempts.ts";
import { type Balance, balanceAtEnd } from "../reading/balance.ts";
import { allRuns, findRun, type StoredRun } from "../reading/find-run.ts";
import { countHeads, type HeadCounts } from "../reading/heads.ts";
import { asJson } from "../reading/json.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { stateName } from "../reading/run-states.ts";
import { print, printJson } from "../terminal/lines.ts";
import { decimal, whole } from "../terminal/numbers.ts";
import { type Column, formatTable } from "../terminal/table.ts";

export function define(program: Command): void {
  addReadOptions(program.command("show").summary("show one stored run"))
    .description("Shows a run's configuration and state, and the balance of every layer over its last tenth of steps.")
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
  if (options.config) {
    printJson(JSON.parse(summary.run.configJson));
    return;
  }
  if (options.json) {
    printJson({ ...asJson(v1.RunSummary, summary), configuration: JSON.parse(summary.run.configJson), balance, heads });
    return;
  }
  print([...factsOf(summary), ...headsFact(heads)].map(([title, text]) => `${title.padEnd(15)}${text}`).join("\n"));
  print();
  print(configurationLines(JSON.parse(summary.run.configJson)).join("\n"));
  if (balance.layers.length === 0) return;
  print(`\nBalance over steps ${balance.firstStep} to ${balance.lastStep}`);
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

function factsOf(summary: StoredRun): [string, string][] {
  const { run } = summary;
  const reason = summary.reason && `: ${summary.reason}`;
  const { name = "", tags = [], notes = "" } = summary.annotation ?? {};
  return [
    ["run", run.id],
    ...labelled("name", name !== "" ? [`${name} (begun as ${run.name})`] : run.name === run.id ? [] : [run.name]),
    ["state", `${stateName(summary.state)}${reason}`],
    ...(run.parent === "" ? [] : [["parent", run.parent] as [string, string]]),
    ["started", new Date(run.startedAt).toISOString()],
    ["steps", `${whole(summary.steps)} of ${whole(run.plannedSteps)}, ${whole(summary.tokens)} tokens`],
    ["loss", `${decimal(summary.loss, 4)}, validation ${decimal(summary.validationLoss, 4)}`],
    [
      "MaxVio",
      `${decimal(summary.maxViolation, 3)} batch, ${decimal(summary.validationMaxViolation, 3)} validation (global)`,
    ],
    ["speed", `${whole(summary.tokensPerSecond)} tokens/s`],
    ["experts", `${run.experts}, top-${run.topK}, MoE layers ${run.moeLayers.join(", ")}`],
    ["categories", run.categories.join(", ")],
    ...labelled("attempts", attemptLines(summary)),
    ...labelled("ranks", [ranksText(summary)]),
    ["rejected", whole(summary.rejected)],
    ["code", `${run.codeVersion}, metric definitions ${run.metricsVersion}`],
    ...labelled("tags", run.tags.length + tags.length > 0 ? [[...run.tags, ...tags].join(", ")] : []),
    ...labelled("notes", notes === "" ? [] : notes.split("\n")),
  ];
}

function headsFact(counts: HeadCounts | undefined): [string, string][] {
  if (counts === undefined) return [];
  const present = Object.entries(counts.heads).filter(([, count]) => count > 0);
  const kinds = present.map(([category, count]) => `${count} ${category}`).join(", ");
  return [["heads", `${kinds} (probe of step ${whole(counts.step)})`]];
}

/** A label before the first of these lines, and none before the others. */
function labelled(label: string, lines: (string | undefined)[]): [string, string][] {
  return lines.flatMap((line, index) => (line === undefined ? [] : [[index === 0 ? label : "", line]]));
}

/** `path = value`, in the words of `--set`. */
function configurationLines(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    if (typeof inner === "object" && inner !== null) return configurationLines(inner, `${prefix}${key}.`);
    return `${prefix}${key} = ${inner}`;
  });
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
];
