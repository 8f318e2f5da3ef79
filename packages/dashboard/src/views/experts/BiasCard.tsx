// The selection bias of every expert of one layer over the steps, for the runs that have one.
import { useMemo } from "react";
import { useAddress } from "../../address/use-address.ts";
import { tickText } from "../../charts/ticks.ts";
import { linearScale, logScale } from "../../charts/y-scale.ts";
import { Card } from "../../components/Card.tsx";
import { PaneTitle } from "../../components/PaneTitle.tsx";
import { Term } from "../../components/Term.tsx";
import { biasDomain, biasSentence, hasBias } from "./bias-model.ts";
import { ExpertLines } from "./ExpertLines.tsx";
import type { ExpertChartProps } from "./expert-chart.ts";
import { type ExpertMarks, type ExpertsModel, smallestSize } from "./experts-model.ts";

interface BiasCardProps {
  panes: readonly { model: ExpertsModel; marks: ExpertMarks }[];
  chart: Pick<ExpertChartProps, "axis" | "xDomain" | "cursorX">;
  table: () => (string | number)[][];
  requests: readonly string[];
}

/** No card where no run on screen chooses with a bias. */
export function BiasCard({ panes, chart, table, requests }: BiasCardProps) {
  const { log } = useAddress().address;
  const biased = useMemo(() => panes.filter(({ model }) => hasBias(model)), [panes]);
  const yScale = useMemo(() => {
    const domain = biasDomain(biased.map(({ model }) => model));
    const least = Math.min(...biased.map(({ model }) => smallestSize(model.bias)));
    return log ? logScale(domain, least) : linearScale(domain);
  }, [biased, log]);
  if (biased.length === 0) return null;
  return (
    <Card
      title={<Term name="selection bias">Selection bias</Term>}
      name="Selection bias"
      sentence={biasSentence(biased)}
      table={table}
      requests={requests}
    >
      <div className="panes beside">
        {biased.map(({ model, marks }) => (
          <div key={model.run.id}>
            <PaneTitle run={model.run} detail={`layer ${model.layer}`} />
            <ExpertLines
              {...chart}
              model={model}
              marks={marks}
              name="Selection bias"
              values={model.bias}
              balanced={0}
              yScale={yScale}
              format={tickText}
              say={({ bias }) => bias ?? ""}
            />
          </div>
        ))}
      </div>
    </Card>
  );
}
