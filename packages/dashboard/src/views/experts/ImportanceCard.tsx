// The share of gate mass of every expert of one layer over the steps, for the runs of which it is known.
import { useMemo } from "react";
import { useAddress } from "../../address/use-address.ts";
import { linearScale, logScale, type YScale } from "../../charts/y-scale.ts";
import { Term } from "../../components/Term.tsx";
import { ExpertLinesCard, type LinesCardProps } from "./ExpertLinesCard.tsx";
import { importanceText, percentText } from "./expert-readout.ts";
import { type ExpertsModel, type Shares, sharedLogDomain, sharedYDomain, smoothedShares } from "./experts-model.ts";
import { hasGates, importanceSentence } from "./importance-model.ts";

/** Its axis is that of both, so that the lines can be compared with those of the load. */
const BOTH: readonly Shares[] = ["share", "gateShare"];

/** No card where no run on screen says what its gates are. */
export function ImportanceCard({ panes, ...card }: LinesCardProps) {
  const { log, smooth } = useAddress().address;
  const known = useMemo(() => panes.filter(({ model }) => hasGates(model)), [panes]);
  const models = useMemo(() => known.map(({ model }) => model), [known]);
  const lines = useMemo(() => models.map((model) => smoothedShares(model, smooth, "gateShare")), [models, smooth]);
  if (known.length === 0) return null;
  return (
    <ExpertLinesCard
      {...card}
      panes={known}
      title={<Term name="gate mass">Gate mass</Term>}
      name="Gate mass"
      sentence={importanceSentence(known)}
      linesOf={(model, place) => ({
        ...{ name: "Share of gate mass", values: lines[place]!, raw: smooth > 1 ? model.gateShare : undefined },
        ...{
          balanced: 1 / model.experts,
          yScale: scaleOf(models, model, log),
          format: percentText,
          say: importanceText,
        },
      })}
    />
  );
}

function scaleOf(models: readonly ExpertsModel[], { experts }: ExpertsModel, log: boolean): YScale {
  return log ? logScale(...sharedLogDomain(models, experts, BOTH)) : linearScale(sharedYDomain(models, experts, BOTH));
}
