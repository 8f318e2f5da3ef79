// Share of assignments of each expert as lines.
import { useMemo } from "react";
import { useAddress } from "../../address/use-address.ts";
import { linearScale, logScale } from "../../charts/y-scale.ts";
import { ExpertLines } from "./ExpertLines.tsx";
import type { ExpertChartProps } from "./expert-chart.ts";
import { percentText } from "./expert-readout.ts";
import { type ExpertsModel, sharedLogDomain, sharedYDomain, smoothedShares } from "./experts-model.ts";

/** @param props.models of all runs on screen, which share a y axis where they have as many experts */
export function ExpertShares({ models, ...props }: ExpertChartProps & { models: readonly ExpertsModel[] }) {
  const { model } = props;
  const { log, smooth } = useAddress().address;
  const yScale = useMemo(() => {
    const domain = sharedYDomain(models, model.experts);
    return log ? logScale(...sharedLogDomain(models, model.experts)) : linearScale(domain);
  }, [models, model, log]);
  const values = useMemo(() => smoothedShares(model, smooth), [model, smooth]);
  return (
    <ExpertLines
      {...props}
      name="Share of assignments"
      values={values}
      raw={smooth > 1 ? model.share : undefined}
      low={model.low}
      high={model.high}
      balanced={1 / model.experts}
      yScale={yScale}
      format={percentText}
    />
  );
}
