// Balance: the loss and MaxVio of the chosen runs, over one x axis.
import { useMemo } from "react";
import { navigate } from "../../address/use-address.ts";
import { tickDigits } from "../../charts/ticks.ts";
import { Card } from "../../components/Card.tsx";
import { Segmented } from "../../components/controls.tsx";
import { RunLegend } from "../../components/RunLegend.tsx";
import { Term } from "../../components/Term.tsx";
import { cursorPosition } from "../../data/cursor.ts";
import { withBuckets } from "../../data/scene.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { stepsAPoint } from "../../format/sentence.ts";
import type { ViewProps } from "../view-props.ts";
import { LinesChart } from "./LinesChart.tsx";
import { linesTable, lossModel, maxViolationModel } from "./lines-model.ts";

const LINES = [
  { value: "mean", text: "Mean over layers" },
  { value: "layers", text: "Each layer" },
] as const;

export default function Balance({ scene }: ViewProps) {
  const { address, chosen, timelines, cursor, split } = scene;
  const runs = useMemo(() => withBuckets(chosen, timelines), [chosen, timelines]);
  const loss = useMemo(() => lossModel(runs, address.x, cursor.step), [runs, address.x, cursor.step]);
  const violation = useMemo(
    () => maxViolationModel(runs, address.x, address.perLayer, cursor.step),
    [runs, address.x, address.perLayer, cursor.step],
  );
  const cursorX = cursorPosition(cursor, runs, address.x);
  const digits = (value: number, ticks: readonly number[]) => value.toFixed(tickDigits(ticks));
  const resolution = stepsAPoint(timelines.map(({ width }) => width));
  return (
    <>
      <Card
        title={split === "train" ? "Loss" : `Loss (${split})`}
        name="Loss"
        sentence={loss.sentence}
        table={() => linesTable(loss)}
      >
        <LinesChart
          model={loss}
          label={`Loss over ${address.x}. ${loss.sentence}`}
          axis={address.x}
          cursorX={cursorX}
          formatY={digits}
          formatReading={formatValue}
        />
        <RunLegend runs={chosen} note={resolution} />
      </Card>
      <Card
        title={<Term name="MaxVio">MaxVio, batch</Term>}
        name="MaxVio"
        sentence={violation.sentence}
        table={() => linesTable(violation)}
        controls={
          <Segmented
            label="Lines of MaxVio"
            value={address.perLayer ? "layers" : "mean"}
            choices={LINES}
            onChange={(lines) => navigate({ perLayer: lines === "layers" })}
          />
        }
      >
        <LinesChart
          model={violation}
          label={`MaxVio over ${address.x}. ${violation.sentence}`}
          axis={address.x}
          cursorX={cursorX}
          formatY={digits}
          formatReading={formatRatio}
        />
        <RunLegend
          runs={chosen}
          note={`${address.perLayer ? "the deeper the layer, the stronger its line" : "band: lowest to highest layer and step"}${resolution && ` · ${resolution}`}`}
        />
      </Card>
    </>
  );
}
