// One measure of every arm over the steps, as mean and spread.
import { useMemo } from "react";
import { LineChart } from "../../charts/LineChart.tsx";
import { tickText } from "../../charts/ticks.ts";
import { Card } from "../../components/Card.tsx";
import { cursorPosition } from "../../data/cursor.ts";
import { stepsAPoint } from "../../format/sentence.ts";
import { ArmLegend } from "./ArmLegend.tsx";
import type { ComparedProps } from "./compared-props.ts";
import { comparedLines, comparedTable } from "./lines-model.ts";
import type { Measure } from "./measures.ts";

export function LinesCard({ scene, compared, arms, pair, measure }: ComparedProps & { measure: Measure }) {
  const { address, cursor, histories: onScreen } = scene;
  const { arrival, requests } = compared;
  const histories = measure.evaluation ? compared.evaluations : compared.histories;
  const model = useMemo(
    () => comparedLines(measure, arms, histories, pair, address.x, cursor.step, arrival),
    [measure, arms, histories, pair, address.x, cursor.step, arrival],
  );
  const spread = arms.some(({ runs }) => runs.length > 1)
    ? "line: mean of the runs; band: ± one standard deviation"
    : "";
  return (
    <Card
      title={measure.name}
      name={measure.name}
      sentence={model.sentence}
      table={() => comparedTable(model)}
      requests={requests}
    >
      <LineChart
        series={model.series}
        loading={model.loading}
        {...(measure.floor !== undefined && { floor: measure.floor })}
        label={`${measure.name} of each arm over ${address.x}. ${model.sentence}`}
        axis={address.x}
        cursorX={cursorPosition(cursor, onScreen, address.x)}
        formatY={tickText}
        formatReading={measure.format}
        height={220}
      />
      <ArmLegend arms={arms} note={[spread, stepsAPoint(model.steps)].filter(Boolean).join(" · ")} />
    </Card>
  );
}
