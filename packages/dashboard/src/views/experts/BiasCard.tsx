// The selection bias of every expert of one layer over the steps, for the runs that have one.
import { useMemo } from "react";
import { useAddress } from "../../address/use-address.ts";
import { tickText } from "../../charts/ticks.ts";
import { linearScale, logScale } from "../../charts/y-scale.ts";
import { Term } from "../../components/Term.tsx";
import { biasDomain, biasSentence, hasBias } from "./bias-model.ts";
import { ExpertLinesCard, type LinesCardProps } from "./ExpertLinesCard.tsx";
import { smallestSize } from "./experts-model.ts";

/** No card where no run on screen chooses with a bias. */
export function BiasCard({ panes, ...card }: LinesCardProps) {
  const { log } = useAddress().address;
  const biased = useMemo(() => panes.filter(({ model }) => hasBias(model)), [panes]);
  const yScale = useMemo(() => {
    const domain = biasDomain(biased.map(({ model }) => model));
    const least = Math.min(...biased.map(({ model }) => smallestSize(model.bias)));
    return log ? logScale(domain, least) : linearScale(domain);
  }, [biased, log]);
  if (biased.length === 0) return null;
  return (
    <ExpertLinesCard
      {...card}
      panes={biased}
      title={<Term name="selection bias">Selection bias</Term>}
      name="Selection bias"
      sentence={biasSentence(biased)}
      linesOf={(model) => ({
        ...{ name: "Selection bias", values: model.bias, balanced: 0, yScale },
        ...{ format: tickText, say: ({ bias }) => bias ?? "" },
      })}
    />
  );
}
