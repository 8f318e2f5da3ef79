// Balance: the loss and MaxVio of the chosen runs, over one x axis.
import { useMemo } from "react";
import type { Lines } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { LineChart } from "../../charts/LineChart.tsx";
import { linesTable } from "../../charts/line-series.ts";
import { tickText } from "../../charts/ticks.ts";
import { Card } from "../../components/Card.tsx";
import { Segmented } from "../../components/controls.tsx";
import { RunLegend } from "../../components/RunLegend.tsx";
import { Term } from "../../components/Term.tsx";
import { cursorPosition } from "../../data/cursor.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { stepsAPoint } from "../../format/sentence.ts";
import type { ViewProps } from "../view-props.ts";
import { lossModel, maxViolationModel } from "./lines-model.ts";

const LINES = [
  { value: "mean", text: "Mean over layers" },
  { value: "spread", text: "Median, p5–p95" },
  { value: "layers", text: "Each layer" },
] as const;

/** What a band means, or how lines are told apart. */
const NOTES: Record<Lines, string> = {
  mean: "band: lowest to highest layer and step",
  spread: "line: median layer; band: p5 to p95 of the layers",
  layers: "the deeper the layer, the stronger its line",
};

export default function Balance({ scene }: ViewProps) {
  const { address, chosen, histories, zoomed: runs, cursor, split, requests } = scene;
  const loss = useMemo(() => lossModel(runs, address.x, cursor.step), [runs, address.x, cursor.step]);
  const violation = useMemo(
    () => maxViolationModel(runs, address.x, address.lines, cursor.step),
    [runs, address.x, address.lines, cursor.step],
  );
  const cursorX = cursorPosition(cursor, histories, address.x);
  const resolution = stepsAPoint(runs.map(({ width }) => width));
  return (
    <>
      <Card
        title={split === "train" ? "Loss" : `Loss (${split})`}
        name="Loss"
        sentence={loss.sentence}
        table={() => linesTable(loss)}
        requests={requests}
      >
        <LineChart
          series={loss.series}
          loading={loss.loading}
          label={`Loss over ${address.x}. ${loss.sentence}`}
          axis={address.x}
          cursorX={cursorX}
          formatY={tickText}
          formatReading={formatValue}
        />
        <RunLegend runs={chosen} note={resolution} />
      </Card>
      <Card
        title={<Term name="MaxVio">MaxVio, batch</Term>}
        name="MaxVio"
        sentence={violation.sentence}
        table={() => linesTable(violation)}
        requests={requests}
        controls={
          <Segmented<Lines>
            label="Lines of MaxVio"
            value={address.lines}
            choices={LINES}
            onChange={(lines) => navigate({ lines })}
          />
        }
      >
        <LineChart
          series={violation.series}
          loading={violation.loading}
          floor={0}
          label={`MaxVio over ${address.x}. ${violation.sentence}`}
          axis={address.x}
          cursorX={cursorX}
          formatY={tickText}
          formatReading={formatRatio}
        />
        <RunLegend runs={chosen} note={`${NOTES[address.lines]}${resolution && ` · ${resolution}`}`} />
      </Card>
    </>
  );
}
