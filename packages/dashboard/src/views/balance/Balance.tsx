// Balance: the loss of the chosen runs, and beside it every measure of how even the load of their experts is, over one x axis.
import { useMemo } from "react";
import type { Lines } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Segmented } from "../../components/controls.tsx";
import { Term } from "../../components/Term.tsx";
import { useSameItems } from "../../data/use-same-items.ts";
import { useEvaluations } from "../../data/use-split.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { stepsAPoint } from "../../format/sentence.ts";
import type { ViewProps } from "../view-props.ts";
import { LinesCard } from "./LinesCard.tsx";
import { lossModel, storedModel } from "./lines-model.ts";
import { RolloutCards } from "./RolloutCards.tsx";
import { WindowCards } from "./WindowCards.tsx";
import "./balance.css";

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
  const { address, zoomed: runs, cursor, split, requests } = scene;
  const { x, lines } = address;
  const evaluations = useSameItems(useEvaluations(scene).filter(({ buckets }) => buckets.length > 0));
  const loss = useMemo(() => lossModel(runs, evaluations, x, cursor.step), [runs, evaluations, x, cursor.step]);
  const shown = useMemo(() => ({ axis: x, lines, step: cursor.step }), [x, lines, cursor.step]);
  const violation = useMemo(() => storedModel(runs, "maxViolation", shown), [runs, shown]);
  const dead = useMemo(() => storedModel(runs, "deadExperts", shown), [runs, shown]);
  const resolution = stepsAPoint(runs.map(({ width }) => width));
  return (
    <>
      <div className="balance-choice">
        <Segmented<Lines> label="Lines" value={lines} choices={LINES} onChange={(next) => navigate({ lines: next })} />
      </div>
      <div className="balance-cards">
        <LinesCard
          scene={scene}
          model={loss}
          title={split === "train" ? "Loss" : `Loss (${split})`}
          name="Loss"
          requests={requests}
          notes={[evaluations.length > 0 ? "broken line: validation" : "", resolution]}
          format={formatValue}
        />
        <LinesCard
          scene={scene}
          model={violation}
          title={<Term name="MaxVio">MaxVio, batch</Term>}
          name="MaxVio"
          requests={requests}
          notes={[NOTES[lines], resolution]}
          format={formatRatio}
          floor={0}
        />
        <LinesCard
          scene={scene}
          model={dead}
          title={<Term name="dead expert">Dead experts</Term>}
          name="Dead experts"
          requests={requests}
          notes={[NOTES[lines], resolution]}
          format={formatRatio}
          floor={0}
        />
        <RolloutCards scene={scene} note={NOTES[lines]} />
        <WindowCards scene={scene} note={NOTES[lines]} />
      </div>
    </>
  );
}
