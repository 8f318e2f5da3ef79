// What if: tokens that a capacity limit would drop, and ranks that would wait for the busiest, from the stored counts.
import { useDeferredValue, useMemo } from "react";
import { navigate } from "../../address/use-address.ts";
import { LineChart } from "../../charts/LineChart.tsx";
import { linesTable } from "../../charts/line-series.ts";
import { tickText } from "../../charts/ticks.ts";
import { Card } from "../../components/Card.tsx";
import { Segmented } from "../../components/controls.tsx";
import { Notice } from "../../components/Notice.tsx";
import { RunLegend } from "../../components/RunLegend.tsx";
import { arrivalOf } from "../../data/arrival.ts";
import { cursorPosition } from "../../data/cursor.ts";
import type { Scene } from "../../data/scene.ts";
import { useRunLoads } from "../../data/use-run-loads.ts";
import { useSameItems } from "../../data/use-same-items.ts";
import { useStepBuckets } from "../../data/use-step-buckets.ts";
import { formatPercent, formatRatio } from "../../format/number.ts";
import type { ViewProps } from "../view-props.ts";
import { capacityChoices } from "./capacities.ts";
import { allowedRanks, ranksNote, ranksShown } from "./ranks.ts";
import { Slider } from "./Slider.tsx";
import { boundNote, dropModel, rankModel } from "./what-if-model.ts";
import type { WhatIfRun } from "./what-if-run.ts";
import "./what-if.css";

const LINES = [
  { value: "mean", text: "All layers" },
  { value: "layers", text: "Each layer" },
] as const;

export default function WhatIf({ scene }: ViewProps) {
  const { address, chosen, histories, cursor } = scene;
  const { runs, requests, error } = useWhatIfRuns(scene);
  const { x } = address;
  const perLayer = address.lines === "layers";
  const allowed = useMemo(() => allowedRanks(chosen), [chosen]);
  const ranks = ranksShown(address.ranks, allowed);
  // The sliders move at once, the lines follow when the page has time.
  const [factorDrawn, ranksDrawn] = [useDeferredValue(address.capacity), useDeferredValue(ranks)];
  const drops = useMemo(() => dropModel(runs, factorDrawn, x, perLayer), [runs, factorDrawn, x, perLayer]);
  const waits = useMemo(() => rankModel(runs, ranksDrawn, x, perLayer), [runs, ranksDrawn, x, perLayer]);
  const chart = { axis: x, cursorX: cursorPosition(cursor, histories, x) };
  const bound = boundNote(runs);
  const note = [perLayer ? "the deeper the layer, the stronger its line" : "", bound].filter(Boolean).join(" · ");
  const lines = (name: string) => (
    <Segmented
      label={`Lines of ${name}`}
      value={perLayer ? "layers" : "mean"}
      choices={LINES}
      onChange={(value) => navigate({ lines: value })}
    />
  );
  return (
    <>
      {error !== undefined && <Notice kind="bad">The counts could not be fetched: {error.message}</Notice>}
      <Card
        title="Dropped tokens"
        name="Dropped tokens"
        sentence={drops.sentence}
        table={() => linesTable(drops)}
        requests={requests}
        controls={
          <>
            <Slider
              label="Capacity factor"
              values={capacityChoices(address.capacity)}
              value={address.capacity}
              text={formatRatio(address.capacity)}
              onChange={(capacity) => navigate({ capacity }, "replace")}
            />
            {lines("dropped tokens")}
          </>
        }
      >
        <p className="what-if-meaning" data-export="text">
          Had an expert taken at most the capacity factor times its fair share of each step, rounded up, this share of
          the assignments would have been dropped.
        </p>
        <LineChart
          {...chart}
          series={drops.series}
          loading={drops.loading}
          floor={0}
          label={`Assignments dropped at capacity factor ${address.capacity}. ${drops.sentence}`}
          formatY={percentTick}
          formatReading={formatPercent}
        />
        <RunLegend runs={chosen} note={note} />
      </Card>
      <Card
        title="Expert-parallel ranks"
        name="Expert-parallel ranks"
        sentence={[ranksNote(address.ranks, ranks, allowed), waits.sentence].filter(Boolean).join(" ")}
        table={() => linesTable(waits)}
        requests={requests}
        controls={
          <>
            <Slider
              label="Ranks"
              values={allowed}
              value={ranks}
              text={String(ranks)}
              onChange={(next) => navigate({ ranks: next }, "replace")}
            />
            {lines("waiting ranks")}
          </>
        }
      >
        <p className="what-if-meaning" data-export="text">
          {perLayer
            ? "Were the experts of each layer spread over ranks in blocks, the busiest rank would have had this many times the mean load."
            : "Were the experts of each layer spread over ranks in blocks, every layer would wait for its busiest rank: a step's experts would take at least this many times as long as balanced ones, communication not counted."}
        </p>
        <LineChart
          {...chart}
          series={waits.series}
          loading={waits.loading}
          floor={1}
          label={`Load of the busiest of ${ranks} ranks over the mean. ${waits.sentence}`}
          formatY={tickText}
          formatReading={formatRatio}
        />
        <RunLegend runs={chosen} note={note} />
      </Card>
    </>
  );
}

/** The runs on screen with their loads; the same array until something of them changed. */
function useWhatIfRuns(scene: Scene): { runs: WhatIfRun[]; requests: string[]; error: Error | undefined } {
  const { histories, cursor, split } = scene;
  const loads = useRunLoads({ ...scene, range: scene.address.range });
  const steps = useStepBuckets(histories, cursor, split);
  const now = histories.map(({ chosen }, place): WhatIfRun => {
    const [over, at] = [loads[place]!, steps[place]!];
    return { chosen, loads: over.loads, atCursor: at.bucket, status: arrivalOf([over.status, at.status]) };
  });
  const parts = useSameItems(
    now.flatMap(({ chosen, loads: over, atCursor, status }) => [chosen, over, atCursor, status]),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the runs are made of these parts alone
  const runs = useMemo(() => now, [parts]);
  return { runs, requests: loads.flatMap(({ paths }) => paths), error: loads.find(({ error }) => error)?.error };
}

function percentTick(value: number, ticks: readonly number[]): string {
  return `${tickText(
    value * 100,
    ticks.map((tick) => tick * 100),
  )} %`;
}
