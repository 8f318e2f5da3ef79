// What a run was told and how it went, in lines: a label, then what is known.
import type { v1 } from "@moescope/proto";
import { isoMoment } from "../terminal/moments.ts";
import { decimal, whole } from "../terminal/numbers.ts";
import { attemptLines, ranksText } from "./attempts.ts";
import type { StoredRun } from "./find-run.ts";
import type { HeadCounts } from "./heads.ts";
import { stateName } from "./run-states.ts";

/** @param heads undefined for a run that was not probed */
export function runFacts(summary: StoredRun, heads: HeadCounts | undefined): string[] {
  return [...factsOf(summary), ...headsFact(heads)].map(([label, text]) => label.padEnd(15) + text);
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
    ["started", isoMoment(run.startedAt)],
    ["steps", `${whole(summary.steps)} of ${whole(run.plannedSteps)}, ${whole(summary.tokens)} tokens`],
    ["loss", `${decimal(summary.loss, 4)}, validation ${decimal(summary.validationLoss, 4)}`],
    [
      "MaxVio",
      `${decimal(summary.maxViolation, 3)} batch, ${decimal(summary.validationMaxViolation, 3)} validation (global)`,
    ],
    ["speed", `${whole(summary.tokensPerSecond)} tokens/s`],
    [
      "experts",
      `${run.experts}, ${run.topK > 0 ? `top-${run.topK}` : "any number a token"}, MoE layers ${run.moeLayers.join(", ")}`,
    ],
    ["categories", run.categories.join(", ")],
    ...labelled("attempts", attemptLines(summary)),
    ...labelled("ranks", [ranksText(summary)]),
    ["rejected", whole(summary.rejected)],
    ["code", `${run.codeVersion}, metric definitions ${run.metricsVersion}`],
    ...labelled("tags", run.tags.length + tags.length > 0 ? [[...run.tags, ...tags].join(", ")] : []),
    ...labelled("notes", notes === "" ? [] : notes.split(/\r?\n/)),
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

/** Undefined when it is not JSON: another program may send any text. */
export function readConfiguration({ configJson }: v1.RunDescription): unknown {
  try {
    return JSON.parse(configJson);
  } catch {
    return undefined;
  }
}

/** `path = value`, in the words of `--set`. */
export function configurationLines(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [path === "" ? String(value) : `${path} = ${value}`];
  return Object.entries(value).flatMap(([key, inner]) => {
    return configurationLines(inner, path === "" ? key : `${path}.${key}`);
  });
}
