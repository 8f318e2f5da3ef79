// A run that was stopped, or killed, goes on as if nothing had happened; its parameters begin another; its configuration repeats it.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  childrenOf,
  type Ended,
  moescope,
  start,
  startCollect,
  temporaryDirectory,
  tinyRun,
} from "../testing/moescope.ts";

/** Milliseconds; these tests run up to ten commands one after another. */
vi.setConfig({ testTimeout: 180_000 });

const steps = 300;
const many = ["--steps", String(steps), "--checkpoint-every", "7"];

interface Bucket {
  firstStep: number;
  tokens: number;
  scalars: { name: string }[];
  layers: object[];
}

async function read<Answer>(address: string): Promise<Answer> {
  return (await (await fetch(address)).json()) as Answer;
}

/** What does not depend on the clock, of every step of a run: all numbers, counts and biases, as they are stored. */
async function historyOf(http: string, run: string) {
  const { buckets } = await read<{ buckets: Bucket[] }>(`${http}/api/v1/runs/${run}/history?points=2000&layers=all`);
  return buckets.map(({ firstStep, tokens, scalars, layers }) => {
    const timeless = scalars.filter(({ name }) => name !== "step_time" && name !== "tokens_per_second");
    return { firstStep, tokens, scalars: timeless, layers };
  });
}

async function attemptsOf(http: string, run: string) {
  interface Summary {
    attempts: { attempt: number; firstStep: number; lastStep: number }[];
  }
  return (await read<Summary>(`${http}/api/v1/runs/${run}`)).attempts;
}

function runOf({ stderr }: Ended): string {
  return /^Run (\S+?),?(?= |$)/m.exec(stderr)![1]!;
}

describe.each(["wasm", "tensorflow"])("on %s", (backend) => {
  const run = [...tinyRun, ...many, "--backend", backend];

  it("a run that was stopped, then killed, has the same steps as one without a break", async ({ skip }) => {
    const directory = temporaryDirectory();
    const { http } = await startCollect(directory);
    const straight = await moescope(["train", ...run], directory);
    if (straight.stderr.includes("does not work here")) skip(`no ${backend} here`);
    expect(straight.code, straight.stderr).toBe(0);

    const stopped = start(["train", ...run], directory);
    await stopped.until(/^\d+\/300/m);
    const first = await stopped.signal("SIGINT");
    expect(first).toMatchObject({ code: 130 });
    const id = runOf(first);
    expect(first.stderr).toContain(`to go on: moescope train --resume ${id}`);

    const killed = start(["train", "--resume", id, "--checkpoint-every", "7"], directory);
    await killed.until(/^1[5-9]\d\/300/m);
    process.kill(childrenOf(killed.pid)[0]!, "SIGKILL");
    expect((await killed.ended).stderr).toContain("ended without a result (SIGKILL)");

    const last = await moescope(["train", "--resume", id.slice(0, -1), "--json"], directory);
    expect(last.code, last.stderr).toBe(0);
    expect(JSON.parse(last.stdout)).toMatchObject({ run: id, outcome: "finished", steps });
    const attempts = await attemptsOf(http, id);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([0, 1, 2]);
    // Stopped in order, it goes on at the next step; killed, it repeats some.
    expect(attempts[1]!.firstStep).toBe(attempts[0]!.lastStep + 1);
    expect(attempts[2]!.firstStep).toBeLessThanOrEqual(attempts[1]!.lastStep + 1);
    expect(attempts[2]!.firstStep % 7).toBe(0);
    const shown = await moescope(["show", id, "--attempt", "1"], directory);
    expect(shown.stdout).toMatch(/attempts +0: steps 0 to \d+, stopped\n/);
    expect(shown.stdout).toMatch(/ 1: steps \d+ to \d+, goes on from attempt 0 at step \d+, broken off\n/);
    expect(shown.stdout).toMatch(/ 2: steps \d+ to 299, goes on from attempt 1 at step \d+, finished\n/);
    expect(shown.stdout).toContain(` to ${attempts[1]!.lastStep}\n`);
    const history = await historyOf(http, id);
    expect(history).toHaveLength(steps);
    expect(history).toEqual(await historyOf(http, runOf(straight)));
    const validation = (ended: Ended) => /validation loss [\d.]+, MaxVio global [\d.]+/.exec(ended.stderr)![0];
    expect(validation(last)).toBe(validation(straight));
  });
});

describe("a run that is kept", () => {
  const train = (args: string[], directory: string) => {
    return moescope(["train", "--no-collector", ...args], directory);
  };
  const short = [...tinyRun, "--steps", "6", "--checkpoint-every", "2"];

  it("goes on to more steps; what may not change is refused by name", async () => {
    const directory = temporaryDirectory();
    const id = runOf(await train(short, directory));
    const refused: [string[], RegExp][] = [
      [["--resume", id], /has made 6 of 6 steps; more are allowed with --steps/],
      [
        ["--resume", id, "--steps", "9", "--set", "model.experts=8", "--set", "data.batch=2"],
        /cannot change model.experts, data.batch/,
      ],
      [["--resume", id, "--seed", "3"], /--resume and --seed do not go together/],
      [["--resume", id, "--recipe", "demo"], /--resume and --recipe do not go together/],
      [["--resume", id, "--strategy", "none"], /--resume and --strategy do not go together/],
      [["--resume", `${id}@3`, "--steps", "9"], /no checkpoint of step 3; there are those of step 2, 4, 6/],
      [["--resume", "nothing"], new RegExp(`Unknown run "nothing"; did you mean "${id}"`)],
      [["--from", id, "--recipe", "demo"], /--from and --recipe do not go together/],
      [
        ["--from", id, "--set", "model.experts=8"],
        /does not fit the model: .*router has shape \[16,4\], the model \[16,8\]/,
      ],
    ];
    for (const [args, says] of refused) {
      const { code, stderr } = await train(args, directory);
      expect(stderr).toMatch(says);
      expect(code, stderr).toBe(2);
    }
    const more = await train(["--resume", id, "--steps", "9", "--set", "optimizer.learningRate=0.001"], directory);
    expect(more.stderr).toMatch(/goes on at step 6 of 9[\s\S]*attempt 1, from step 6[\s\S]*finished after 9 steps/);
    const kept = readdirSync(join(directory, "moescope-data/checkpoints", id)).filter((name) =>
      name.startsWith("step-"),
    );
    expect(kept.sort()).toEqual(["step-00000004", "step-00000006", "step-00000009.1"]);
  });

  it("says which file is damaged and goes on from the checkpoint before it", async () => {
    const directory = temporaryDirectory();
    const id = runOf(await train(short, directory));
    const damaged = join(directory, "moescope-data/checkpoints", id, "step-00000006/model.safetensors");
    writeFileSync(damaged, "damage");
    const { code, stderr } = await train(["--resume", id, "--steps", "7"], directory);
    expect(stderr).toContain(`${damaged} is damaged`);
    expect(stderr).toMatch(/goes on at step 4 of 7/);
    expect(code, stderr).toBe(0);
  });

  it("is the parent of a run on other data, and both are repeated from their configuration", async () => {
    const directory = temporaryDirectory();
    const { collect } = await startCollect(directory);
    const parent = runOf(await moescope(["train", ...short], directory));
    const other = ["--data", "maths", "--set", "optimizer.learningRate=0.0001", "--steps", "3"];
    const child = await moescope(["train", "--from", `${parent}@4`, ...other], directory);
    expect(child.code, child.stderr).toBe(0);
    await collect.signal("SIGTERM");

    const stored = async (run: string) => JSON.parse((await moescope(["show", run, "--config"], directory)).stdout);
    const configuration = await stored(runOf(child));
    expect(configuration).toMatchObject({
      parent: { run: parent, step: 4 },
      sources: [{ category: "maths" }],
      steps: 3,
    });
    const shown = async () => (await moescope(["show", runOf(child)], directory)).stdout;
    const facts = await shown();
    expect(facts).toMatch(new RegExp(`^parent +${parent}$`, "m"));

    const { collect: again } = await startCollect(directory);
    const file = join(directory, "child.json");
    writeFileSync(file, JSON.stringify(configuration));
    const repeated = await moescope(["train", "--config", file], directory);
    expect(repeated.code, repeated.stderr).toBe(0);
    const loss = (ended: Ended) => /loss [\d.]+, validation loss [\d.]+/.exec(ended.stderr)![0];
    expect(loss(repeated)).toBe(loss(child));
    // A child that goes on is still that child, and as old.
    const resumed = await moescope(["train", "--resume", runOf(child), "--steps", "4"], directory);
    expect(resumed.code, resumed.stderr).toBe(0);
    await again.signal("SIGTERM");
    expect(await stored(runOf(repeated))).toEqual(configuration);
    expect(await stored(runOf(child))).toEqual({ ...configuration, steps: 4 });
    const origin = (text: string) => text.match(/^(parent|started) .*$/gm);
    expect(origin(facts)).toHaveLength(2);
    expect(origin(await shown())).toEqual(origin(facts));
  });
});

it("trains exactly the configuration that it prints", async () => {
  const directory = temporaryDirectory();
  const { collect } = await startCollect(directory);
  const choice = [...tinyRun, "--steps", "2", "--seed", "5", "--strategy", "loss-free-bias+z-loss"];
  const printed = await moescope(["train", ...choice, "--print-config"], directory);
  expect(printed, printed.stderr).toMatchObject({ code: 0, stderr: "" });
  writeFileSync(join(directory, "run.json"), `\uFEFF${printed.stdout}`); // as editors on Windows save it
  const trained = await moescope(["train", "--config", "run.json", "--backend", "wasm"], directory);
  expect(trained.code, trained.stderr).toBe(0);
  await collect.signal("SIGTERM");
  const stored = await moescope(["show", runOf(trained), "--config"], directory);
  expect(JSON.parse(stored.stdout)).toEqual(JSON.parse(printed.stdout));
});
