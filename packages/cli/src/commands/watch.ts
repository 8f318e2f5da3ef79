// `moescope watch`: waits until a run is in trouble or ends, for a person or for a job script that stops the run.
import { v1 } from "@moescope/proto";
import { type Command, InvalidArgumentError } from "commander";
import { list } from "../arguments.ts";
import { Alerted, Failure, Interrupted } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import { allRuns, findRun } from "../reading/find-run.ts";
import { asJson } from "../reading/json.ts";
import { addReadOptions, type ReadOptions, withRuns } from "../reading/open-runs.ts";
import { note, print } from "../terminal/lines.ts";
import { watchRun } from "../watching/watch-run.ts";

const rules: Record<string, v1.Alert.Rule> = {
  collapse: v1.Alert.Rule.COLLAPSE,
  "dead-experts": v1.Alert.Rule.DEAD_EXPERTS,
  "not-a-number": v1.Alert.Rule.NOT_A_NUMBER,
  drops: v1.Alert.Rule.DROPS,
  silence: v1.Alert.Rule.SILENCE,
};

interface WatchOptions extends ReadOptions {
  rules?: v1.Alert.Rule[];
  json?: boolean;
}

export function define(program: Command): void {
  addReadOptions(program.command("watch").summary("wait until a run is in trouble, or ends"))
    .description(
      "Prints a run's alerts and ends with the first. The collector judges; `collect --help` has the thresholds.",
    )
    .argument("<run>", "its id, or the beginning of it")
    .option("--rules <names>", `alerts that end it, of ${Object.keys(rules).join(", ")} (default: all)`, ruleList)
    .option("--json", "print each alert as a line of JSON")
    .addHelpText("after", "\nExit codes: 0 the run ended without an alert, 1 it failed, 3 an alert fired.")
    .action((run: string, options: WatchOptions) => interruptible((signal) => watch(run, options, signal)));
}

async function watch(wanted: string, options: WatchOptions, signal: AbortSignal): Promise<void> {
  const told = (alert: v1.Alert) =>
    print(options.json ? JSON.stringify(asJson(v1.Alert, alert)) : `${alert.run}: ${alert.message}`);
  const watched = await withRuns(options, async (client) => {
    const { run } = findRun(await allRuns(client), wanted);
    note(`Watching ${run.id}`);
    return watchRun(client, { run: run.id, rules: options.rules ?? Object.values(rules), signal, told });
  });
  if (watched === undefined) throw new Interrupted();
  if (watched.alerted) throw new Alerted();
  const { state, reason } = watched.summary;
  if (state === v1.RunSummary.State.FAILED) throw new Failure(`The run failed: ${reason}`);
  note("The run ended without an alert");
}

function ruleList(text: string): v1.Alert.Rule[] {
  const names = list(text);
  const unknown = names.find((name) => !Object.hasOwn(rules, name));
  if (unknown === undefined) return names.map((name) => rules[name]!);
  throw new InvalidArgumentError(`"${unknown}" is no rule; allowed are ${Object.keys(rules).join(", ")}.`);
}
