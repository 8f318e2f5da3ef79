// The share of gate mass of every expert of one layer over the steps, for the runs of which it is known.
import { useMemo } from "react";
import { useAddress } from "../../address/use-address.ts";
import { linearScale, logScale, type YScale } from "../../charts/y-scale.ts";
import { Card } from "../../components/Card.tsx";
import { PaneTitle } from "../../components/PaneTitle.tsx";
import { Term } from "../../components/Term.tsx";
import { ExpertLines } from "./ExpertLines.tsx";
import type { ExpertChartProps } from "./expert-chart.ts";
import { importanceText, percentText } from "./expert-readout.ts";
import {
  type ExpertMarks,
  type ExpertsModel,
  type Shares,
  sharedLogDomain,
  sharedYDomain,
  smoothedShares,
} from "./experts-model.ts";
import { hasGates, importanceSentence } from "./importance-model.ts";

interface ImportanceCardProps {
  panes: readonly { model: ExpertsModel; marks: ExpertMarks }[];
  chart: Pick<ExpertChartProps, "axis" | "xDomain" | "cursorX">;
  table: () => (string | number)[][];
  requests: readonly string[];
}

/** Its axis is that of both, so that the lines can be compared with those of the load. */
const BOTH: readonly Shares[] = ["share", "gateShare"];

/** No card where no run on screen says what its gates are. */
export function ImportanceCard({ panes, chart, table, requests }: ImportanceCardProps) {
  const { log, smooth } = useAddress().address;
  const known = useMemo(() => panes.filter(({ model }) => hasGates(model)), [panes]);
  const models = useMemo(() => known.map(({ model }) => model), [known]);
  const lines = useMemo(() => models.map((model) => smoothedShares(model, smooth, "gateShare")), [models, smooth]);
  if (known.length === 0) return null;
  return (
    <Card
      title={<Term name="gate mass">Gate mass</Term>}
      name="Gate mass"
      sentence={importanceSentence(known)}
      table={table}
      requests={requests}
    >
      <div className="panes beside">
        {known.map(({ model, marks }, place) => (
          <div key={model.run.id}>
            <PaneTitle run={model.run} detail={`layer ${model.layer}`} />
            <ExpertLines
              {...chart}
              model={model}
              marks={marks}
              name="Share of gate mass"
              values={lines[place]!}
              raw={smooth > 1 ? model.gateShare : undefined}
              balanced={1 / model.experts}
              yScale={scaleOf(models, model, log)}
              format={percentText}
              say={importanceText}
            />
          </div>
        ))}
      </div>
    </Card>
  );
}

function scaleOf(models: readonly ExpertsModel[], { experts }: ExpertsModel, log: boolean): YScale {
  return log ? logScale(...sharedLogDomain(models, experts, BOTH)) : linearScale(sharedYDomain(models, experts, BOTH));
}
