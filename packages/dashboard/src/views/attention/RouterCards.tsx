// What routers chose for the probe batch, over the probes.
import { useMemo } from "react";
import { LINES, type Lines } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { LineChart } from "../../charts/LineChart.tsx";
import { type LineSeries, linesTable } from "../../charts/line-series.ts";
import { Card } from "../../components/Card.tsx";
import { Segmented } from "../../components/controls.tsx";
import { RunLegend } from "../../components/RunLegend.tsx";
import { Explained } from "../../components/Term.tsx";
import { cursorPosition } from "../../data/cursor.ts";
import type { Scene } from "../../data/scene.ts";
import { formatPercent } from "../../format/number.ts";
import type { ProbeAnswer } from "./attention-model.ts";
import { type ProbedHistory, routerLines, routerSentence, saturationLines } from "./router-model.ts";

interface RouterCardsProps {
  scene: Scene;
  histories: readonly ProbedHistory[];
  answers: readonly ProbeAnswer[];
  requests: readonly string[];
}

const TEXT: Record<Lines, string> = { mean: "Mean over layers", spread: "Spread of layers", layers: "Each layer" };

/** Cards without any line are left out: runs without a bias have none that it decides. */
export function RouterCards({ scene, histories, answers, requests }: RouterCardsProps) {
  const { x, lines } = scene.address;
  const churn = useMemo(() => routerLines(histories, "router/churn", x, lines), [histories, x, lines]);
  const bias = useMemo(() => routerLines(histories, "router/bias_changed", x, lines), [histories, x, lines]);
  const saturation = useMemo(
    () => saturationLines(answers.map(({ chosen, newest }) => ({ chosen, probe: newest }))),
    [answers],
  );
  const step = scene.cursor.live ? Number.POSITIVE_INFINITY : scene.cursor.step;
  return (
    <>
      <RouterCard
        name="Router churn"
        meaning="Share of the experts chosen for the probe batch that were not chosen for it at the probe before. 0 %: routing has settled."
        sentence={routerSentence(churn, step, "choices for the probe batch, those that changed since the probe before")}
        scene={scene}
        series={churn}
        requests={requests}
        byLayer
      />
      <RouterCard
        name="Choices of the bias"
        meaning="Share of the experts chosen for the probe batch that the scores alone, without the selection bias, would not have chosen."
        sentence={routerSentence(bias, step, "choices for the probe batch, those that only the selection bias made")}
        scene={scene}
        series={bias}
        requests={requests}
        byLayer
      />
      <RouterCard
        name="Router saturation"
        meaning="Share of the choices of the run's last step that had been made at an earlier probe already (OLMoE): how early routing was settled. A finished run has it."
        sentence={routerSentence(saturation, step, "choices of the last step, those made already")}
        scene={scene}
        series={saturation}
        requests={answers.map(({ chosen }) => `/api/v1/runs/${encodeURIComponent(chosen.id)}/probe`)}
      />
    </>
  );
}

interface RouterCardProps {
  name: string;
  meaning: string;
  sentence: string;
  scene: Scene;
  series: readonly LineSeries[];
  requests: readonly string[];
  /** Whether its lines can be the mean or the spread of layers, and stand on any x axis; else each layer over steps. */
  byLayer?: boolean;
}

function RouterCard(props: RouterCardProps) {
  const { name, meaning, sentence, scene, series, requests, byLayer = false } = props;
  const { address, cursor, histories, chosen } = scene;
  const axis = byLayer ? address.x : "step";
  if (series.length === 0) return null;
  const drawn = chosen.filter(({ id }) => series.some(({ run }) => run === id));
  const perLayer = series.some(({ layer }) => layer !== undefined);
  return (
    <Card
      title={<Explained text={meaning}>{name}</Explained>}
      name={name}
      sentence={sentence}
      table={() => linesTable({ series })}
      requests={requests}
      controls={byLayer && <LinesChoice name={name} lines={address.lines} />}
    >
      <LineChart
        series={series}
        floor={0}
        height={200}
        label={`${name} over ${axis}. ${sentence}`}
        axis={axis}
        cursorX={cursorPosition(cursor, histories, axis)}
        formatY={(value) => formatPercent(value)}
        formatReading={formatPercent}
      />
      <RunLegend runs={drawn} note={perLayer ? "the deeper the layer, the stronger its line" : NOTES[address.lines]} />
    </Card>
  );
}

function LinesChoice({ name, lines }: { name: string; lines: Lines }) {
  return (
    <Segmented<Lines>
      label={`Lines of ${name}`}
      value={lines}
      choices={LINES.map((value) => ({ value, text: TEXT[value] }))}
      onChange={(next) => navigate({ lines: next })}
    />
  );
}

const NOTES: Record<Lines, string> = {
  mean: "band: lowest to highest layer",
  spread: "line: median of layers; band: 5th to 95th percentile",
  layers: "",
};
