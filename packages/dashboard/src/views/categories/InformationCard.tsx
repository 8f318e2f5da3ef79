// How much an expert tells about the category of its tokens, over the steps.
import { useMemo } from "react";
import { LineChart } from "../../charts/LineChart.tsx";
import { linesTable } from "../../charts/line-series.ts";
import { Card } from "../../components/Card.tsx";
import { RunLegend } from "../../components/RunLegend.tsx";
import { Explained } from "../../components/Term.tsx";
import { LOADING, NOT_FETCHED } from "../../data/arrival.ts";
import { cursorPosition } from "../../data/cursor.ts";
import type { Scene } from "../../data/scene.ts";
import { formatPercent } from "../../format/number.ts";
import { informationModel } from "./information-model.ts";
import { useLayerHistories } from "./use-window-steps.ts";

export function InformationCard({ scene, layers }: { scene: Scene; layers: readonly number[] }) {
  const { address, cursor, histories } = scene;
  const { sources, arrival, error, requests } = useLayerHistories(scene, layers);
  const model = useMemo(
    () => informationModel(sources, layers, address.x, cursor.step),
    [sources, layers, address.x, cursor.step],
  );
  const loading = arrival === "loading" && model.series.length === 0;
  const failed = error === undefined ? NOT_FETCHED : `The history could not be fetched: ${error.message}`;
  const sentence = loading ? LOADING : model.series.length === 0 && arrival === "failed" ? failed : model.sentence;
  const lowest = Math.min(0, ...model.series.flatMap(({ points }) => points.map(({ y }) => y || 0)));
  return (
    <Card
      title={<Explained text={INFORMATION}>Mutual information</Explained>}
      name="Mutual information"
      sentence={sentence}
      table={() => linesTable(model)}
      requests={requests}
    >
      <LineChart
        series={model.series}
        loading={loading}
        floor={lowest}
        label={`Mutual information of expert and category over ${address.x}. ${sentence}`}
        axis={address.x}
        cursorX={cursorPosition(cursor, histories, address.x)}
        formatY={(value) => formatPercent(value)}
        formatReading={formatPercent}
      />
      <RunLegend runs={scene.chosen} note="one line for each layer chosen above; the deeper, the stronger" />
    </Card>
  );
}

const INFORMATION =
  "Mutual information of expert and category, as a share of the most possible: 0 % when every category uses the experts alike, 100 % when no expert is shared. What so few tokens would give by chance is taken off, so a little below 0 is possible.";
