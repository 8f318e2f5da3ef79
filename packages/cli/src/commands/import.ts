// `moescope import`: a run that something else recorded becomes a stored run.
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { v1 } from "@moescope/proto";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type AccessOptions, accessOf, addAccessOptions } from "../access/access-options.ts";
import { address, layerList, list, repeated, wholeNumber } from "../arguments.ts";
import { withTarget } from "../collecting/with-collector.ts";
import { readCountsCsv } from "../exchange/counts-csv.ts";
import { type Identity, type IncomingRun, storeIncoming } from "../exchange/incoming-run.ts";
import { readLlamaTrace } from "../exchange/llama/import-trace.ts";
import { readTokensPerExpert } from "../exchange/megatron/import-tokens.ts";
import { readRoutingTrace } from "../exchange/megatron/import-trace.ts";
import { splits } from "../exchange/step-pages.ts";
import { readScalarEvents } from "../exchange/tensorboard/import-events.ts";
import { readRoutedExperts } from "../exchange/vllm/import-responses.ts";
import { WrongUse } from "../failure.ts";
import { defaultDataDirectory } from "../reading/data-directory.ts";
import { note, print, printJson } from "../terminal/lines.ts";

interface ImportOptions extends AccessOptions {
  format: string;
  data: string;
  collector?: string;
  id?: string;
  name?: string;
  strategy: string;
  tag?: string[];
  topK?: number;
  experts?: number;
  split: (typeof splits)[number];
  layers?: number[];
  tokensPerStep?: number;
  stageLayers?: number[];
  expertTensorParallel: number;
  scalar?: [string, string][];
  json?: boolean;
}

const formats: Record<string, (path: string, options: ImportOptions) => Promise<IncomingRun>> = {
  csv: (path, options) => readCountsCsv(path, { ...options, topK: topKOf(options) }),
  "megatron-trace": readRoutingTrace,
  "megatron-tokens": (path, options) => {
    const { tokensPerStep } = options;
    if (tokensPerStep === undefined)
      throw new WrongUse(
        "--format megatron-tokens needs --tokens-per-step, the global batch times the sequence length",
      );
    return readTokensPerExpert(path, { ...options, topK: topKOf(options), tokensPerStep, split: splitOf(options) });
  },
  vllm: (path, options) => readRoutedExperts(path, { ...options, split: splitOf(options) }),
  llama: (path, options) => readLlamaTrace(path, { ...options, split: splitOf(options) }),
  tensorboard: (path, { scalar }) => readScalarEvents(path, new Map(scalar)),
};

function topKOf({ topK, format }: ImportOptions): number {
  if (topK !== undefined) return topK;
  throw new WrongUse(`--format ${format} needs --top-k, the number of experts that a token goes to`);
}

function splitOf({ split }: ImportOptions): v1.Split {
  return v1.Split[split.toUpperCase() as keyof typeof v1.Split];
}

export function define(program: Command): void {
  addAccessOptions(program.command("import").summary("store a run that something else recorded"))
    .description(
      "Reads a CSV of counts (columns step, layer, expert, count; category, split, attempt, tokens, dropped, selection_bias if it has them), a routing trace of Megatron-LM (the folder with router_trace_rank*.jsonl) or its counts of tokens per expert (the folder with rank*.jsonl), responses of vLLM with routed_experts, a routing trace of llama.cpp, or TensorBoard scalars, and stores them as a run.",
    )
    .argument("<path>", "the file or folder")
    .addOption(new Option("--format <name>", "what it is").choices(Object.keys(formats)).makeOptionMandatory())
    .option("--id <id>", "id of the run; made from the path when absent")
    .option("--name <text>", "name of the run on screen; its id when absent")
    .option("--strategy <name>", "how expert load was balanced", "unknown")
    .option("--tag <text>", "a word to find the run by; may be repeated", repeated)
    .option("--top-k <number>", "experts that a token goes to; csv, megatron-tokens, llama", wholeNumber(1))
    .option("--experts <number>", "experts of a layer (default: the highest index plus one)", wholeNumber(1))
    .addOption(
      new Option("--split <name>", "what the tokens were for; megatron-tokens, vllm, llama")
        .choices(splits)
        .default("train"),
    )
    .option("--layers <list>", "the MoE layers, as in 3,4,5; vllm", layerList)
    .option("--tokens-per-step <number>", "global batch times sequence length; megatron-tokens", wholeNumber(1))
    .option(
      "--stage-layers <list>",
      "transformer blocks of each pipeline stage, as in 16,16; megatron-trace, megatron-tokens",
      blocks,
    )
    .addOption(
      new Option("--expert-tensor-parallel <number>", "ranks that hold slices of the same experts; megatron-tokens")
        .argParser(wholeNumber(1))
        .default(1),
    )
    .option("--scalar <name=tag>", "call a TensorBoard tag so, as in loss=train/loss; may be repeated", renamed)
    .option("--data <dir>", "directory of a collector, running or not", defaultDataDirectory)
    .option("--collector <host:port>", "gRPC address of a running collector; instead of --data", address)
    .option("--json", "print the result as JSON")
    .action(importRun);
}

async function importRun(path: string, options: ImportOptions): Promise<void> {
  if (!existsSync(path)) throw new WrongUse(`${path} does not exist`);
  const incoming = await formats[options.format]!(path, options);
  for (const line of incoming.notes) note(line);
  const imported = await withTarget(options, accessOf(options), (target) =>
    storeIncoming(target, incoming, identityOf(path, options)),
  );
  if (options.json) printJson(imported);
  else print(imported.run);
}

function identityOf(path: string, { id: given, name, strategy, tag = [], format }: ImportOptions): Identity {
  const file = basename(resolve(path));
  const id =
    given ??
    file
      .replace(/(\.csv|\.jsonl)?(\.gz)?$/, "")
      .replace(/[^A-Za-z0-9._-]/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "");
  const configJson = JSON.stringify({ imported: { format, from: file } });
  return { id, name: name ?? id, strategy, tags: ["imported", ...tag], configJson };
}

function blocks(text: string): number[] {
  return list(text).map(wholeNumber(1));
}

function renamed(text: string, earlier: [string, string][] = []): [string, string][] {
  const [name, tag] = [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)];
  if (text.indexOf("=") < 1 || tag === "")
    throw new InvalidArgumentError("Allowed is NAME=TAG, as in loss=train/loss.");
  return [...earlier, [tag, name]];
}
