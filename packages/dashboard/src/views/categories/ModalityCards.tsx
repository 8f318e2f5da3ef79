// The figures `modality-by-expert` and `modality-share` of one run.
import { useCallback, useMemo } from "react";
import { navigate, useAddress } from "../../address/use-address.ts";
import { Card } from "../../components/Card.tsx";
import { BarSheet, sheetSvg } from "../../components/Sheet.tsx";
import type { PlacedBar } from "../../figures/bar-panels-layout.ts";
import {
  modalityByExpertBars,
  modalityByExpertModel,
  modalityByExpertTable,
} from "../../figures/modality-by-expert-model.ts";
import { modalityShareBars, modalityShareModel, modalityShareTable } from "../../figures/modality-share-model.ts";
import type { LabelledSteps } from "./affinity-model.ts";
import { byExpertReading, byExpertTarget, type LayerExpert, shareReading, shareTarget } from "./bar-readings.ts";
import { byExpertSentence, shareSentence } from "./modality-sentences.ts";

interface ModalityCardProps {
  source: LabelledSteps;
  /** MoE layers of the run. */
  layers: readonly number[];
  requests: readonly string[];
}

export function ByExpertCard({ source, layers, requests }: ModalityCardProps) {
  const model = useMemo(() => modalityByExpertModel(source, layers), [source, layers]);
  const bars = useMemo(() => modalityByExpertBars(model), [model]);
  const read = useCallback((bar: PlacedBar) => byExpertReading(model, bar), [model]);
  const pick = useCallback((bar: PlacedBar) => navigate(byExpertTarget(model, bar)), [model]);
  const isFollowed = useFollowed(useCallback((bar) => byExpertTarget(model, bar), [model]));
  const id = `by-expert-${model.run}`;
  return (
    <Card
      title={`Where categories go · ${source.label}`}
      name={`modality-by-expert of ${source.label}`}
      sentence={byExpertSentence(model)}
      table={() => modalityByExpertTable(model)}
      requests={requests}
      svg={() => sheetSvg(id)}
    >
      <BarSheet id={id} model={bars} read={read} pick={pick} isFollowed={isFollowed} />
    </Card>
  );
}

export function ShareCard({ source, layers, requests }: ModalityCardProps) {
  const model = useMemo(() => modalityShareModel(source, layers), [source, layers]);
  const bars = useMemo(() => modalityShareBars(model), [model]);
  const read = useCallback((bar: PlacedBar, series?: number) => shareReading(model, bar, series), [model]);
  const pick = useCallback((bar: PlacedBar) => navigate(shareTarget(model, bar)), [model]);
  const isFollowed = useFollowed(useCallback((bar) => shareTarget(model, bar), [model]));
  const id = `share-${model.run}`;
  return (
    <Card
      title={`What experts are made of · ${source.label}`}
      name={`modality-share of ${source.label}`}
      sentence={shareSentence(model)}
      table={() => modalityShareTable(model)}
      requests={requests}
      svg={() => sheetSvg(id)}
    >
      <BarSheet id={id} model={bars} read={read} pick={pick} isFollowed={isFollowed} />
    </Card>
  );
}

/** Whether a bar is of the expert that is followed. */
function useFollowed(targetOf: (bar: PlacedBar) => LayerExpert): (bar: PlacedBar) => boolean {
  const { expert } = useAddress().address;
  return useCallback((bar) => targetOf(bar).expert === expert, [targetOf, expert]);
}
