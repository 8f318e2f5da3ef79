// Validation loss against MaxVio, with the frontier of the arms that no other beats.
import { useMemo } from "react";
import { Card } from "../../components/Card.tsx";
import { ArmLegend } from "./ArmLegend.tsx";
import type { ComparedProps } from "./compared-props.ts";
import { LossScatter } from "./LossScatter.tsx";
import { type ScatterModel, scatterModel, scatterTable } from "./scatter-model.ts";

function noteOf({ arms, frontier }: ScatterModel): string {
  const means = arms.some(({ runs }) => runs.length > 1) ? "pale: runs; crossed: means ± one standard deviation" : "";
  return [means, frontier.length > 1 ? "line: no arm is better on both counts" : ""].filter(Boolean).join("; ");
}

export function ScatterCard({ arms, pair }: ComparedProps) {
  const model = useMemo(() => scatterModel(arms, pair), [arms, pair]);
  return (
    <Card
      title="What balance costs"
      name="What balance costs"
      sentence={model.sentence}
      table={() => scatterTable(model)}
      requests={["/api/v1/runs"]}
    >
      {model.arms.length > 0 && (
        <>
          <LossScatter model={model} />
          <ArmLegend arms={model.arms.map(({ arm }) => arm)} note={noteOf(model)} />
        </>
      )}
    </Card>
  );
}
