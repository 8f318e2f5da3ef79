// The measures of loads added up over a window of steps: global MaxVio, variation, entropy. They need the counts of every layer.
import { useDeferredValue, useMemo } from "react";
import { navigate } from "../../address/use-address.ts";
import { Select } from "../../components/controls.tsx";
import { Term } from "../../components/Term.tsx";
import type { TermName } from "../../components/terms.ts";
import { useSeen } from "../../components/use-seen.ts";
import type { RunHistory } from "../../data/run-history.ts";
import { isLive } from "../../data/run-state.ts";
import type { Scene } from "../../data/scene.ts";
import { type LoadsAnswer, useRunLoads } from "../../data/use-run-loads.ts";
import { useSameItems } from "../../data/use-same-items.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { plural } from "../../format/sentence.ts";
import { LinesCard } from "./LinesCard.tsx";
import { type WindowedRun, windowModel } from "./lines-model.ts";
import { loadWindows, type WindowMetric } from "./window-model.ts";

/** Lengths of a window, steps. */
const WINDOWS = [1, 8, 32, 128, 512, 2048];

interface WindowCard {
  metric: WindowMetric;
  term: TermName;
  title: string;
  format: (value: number) => string;
  floor?: number;
}

const CARDS: readonly WindowCard[] = [
  { metric: "maxViolation", term: "global MaxVio", title: "MaxVio, global", format: formatRatio, floor: 0 },
  { metric: "variation", term: "CV", title: "Coefficient of variation", format: formatRatio, floor: 0 },
  { metric: "entropy", term: "entropy", title: "Normalised entropy", format: formatValue },
];

export function WindowCards({ scene, note }: { scene: Scene; note: string }) {
  const { address, cursor } = scene;
  const { x: axis, lines, over: steps } = address;
  // Of a run that goes on they would be fetched again and again.
  const [ref, seen] = useSeen<HTMLSpanElement>(!scene.histories.some(({ chosen }) => isLive(chosen.summary)));
  const { runs, answers } = useWindows(scene, steps, seen);
  const models = useMemo(
    () => CARDS.map(({ metric }) => windowModel(runs, metric, { axis, lines, step: cursor.step, steps })),
    [runs, axis, lines, cursor.step, steps],
  );
  const failed = answers.find(({ error }) => error !== undefined)?.error;
  const requests = answers.flatMap(({ paths }) => paths);
  return CARDS.map(({ title, term, format, floor }, place) => {
    const model = models[place]!;
    const sentence = failed === undefined ? model.sentence : `The counts could not be fetched: ${failed.message}`;
    return (
      <LinesCard
        key={title}
        scene={scene}
        model={{ ...model, sentence }}
        title={<Term name={term}>{title}</Term>}
        name={title}
        requests={requests}
        notes={[note, windowNote(steps, answers)]}
        format={format}
        {...(floor !== undefined && { floor })}
        controls={
          <>
            <WindowChoice steps={steps} />
            {place === 0 && <span ref={ref} />}
          </>
        }
      />
    );
  });
}

function WindowChoice({ steps }: { steps: number }) {
  const lengths = [...new Set([...WINDOWS, steps])].sort((a, b) => a - b);
  return (
    <Select
      label="Of the loads of"
      value={String(steps)}
      choices={lengths.map((length) => ({ value: String(length), text: plural(length, "step") }))}
      onChange={(length) => navigate({ over: Number(length) })}
    />
  );
}

/** Long runs come in buckets, and a window has at least one. */
function windowNote(steps: number, answers: readonly LoadsAnswer[]): string {
  const width = Math.max(1, ...answers.map(({ loads }) => loads?.width ?? 1));
  return width > steps ? `each point: ${width} steps added up` : "";
}

/** @param seen fetches nothing before */
function useWindows(scene: Scene, steps: number, seen: boolean): { runs: WindowedRun[]; answers: LoadsAnswer[] } {
  const { histories, address, split } = scene;
  // A range begins with whole windows: what they reach back on is fetched too.
  const range = address.range && ([Math.max(0, address.range[0] - steps + 1), address.range[1]] as const);
  const answers = useRunLoads({ histories: seen ? histories : NONE, range, split });
  // Hundreds of windows of every layer: the page does not wait for them. All that goes with them is as old as they are.
  const loads = useDeferredValue(useSameItems(answers.map((answer) => answer.loads)));
  const windows = useMemo(
    () => loads.map((each) => (each === undefined ? [] : loadWindows(each, steps))),
    [loads, steps],
  );
  const statuses = useDeferredValue(useSameItems(answers.map(({ status }) => status)));
  const chosen = useDeferredValue(useSameItems(histories.map((history) => history.chosen)));
  const from = address.range?.[0] ?? 0;
  const runs = useMemo(
    () =>
      chosen.map((run, place): WindowedRun => {
        const shown = (windows[place] ?? []).filter(({ bucket }) => (bucket.lastStep ?? 0) >= from);
        return {
          chosen: run,
          windows: shown,
          buckets: shown.map(({ bucket }) => bucket),
          lead: [],
          status: statuses[place] ?? "loading",
        };
      }),
    [chosen, windows, statuses, from],
  );
  return { runs, answers };
}

const NONE: readonly RunHistory[] = [];
