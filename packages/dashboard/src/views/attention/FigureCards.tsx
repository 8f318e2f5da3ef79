// The figures `attention-by-token` and `heads-by-bin` of the probed runs.
import { useCallback, useMemo } from "react";
import type { Address } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Card } from "../../components/Card.tsx";
import { Select } from "../../components/controls.tsx";
import { LayerTicks } from "../../components/LayerTicks.tsx";
import { BarSheet, sheetSvg } from "../../components/Sheet.tsx";
import {
  attentionByTokenBars,
  attentionByTokenModel,
  attentionByTokenTable,
  attentionLayers,
  type ProbedRun,
} from "../../figures/attention-by-token-model.ts";
import type { PlacedBar } from "../../figures/bar-panels-layout.ts";
import { DEFAULT_BINS, headsByBinBars, headsByBinModel, headsByBinTable } from "../../figures/heads-by-bin-model.ts";
import {
  attentionReading,
  attentionSentence,
  binReading,
  binsSentence,
  probedLayers,
  shownLayers,
} from "./attention-model.ts";

export interface ProbedCardProps {
  address: Address;
  /** At least one. */
  runs: readonly ProbedRun[];
  /** Name of each run on screen, by id. */
  labels: ReadonlyMap<string, string>;
  requests: readonly string[];
}

export function AttentionCard({ address, runs, labels, requests }: ProbedCardProps) {
  const attended = useMemo(() => runs.filter(({ probe }) => attentionLayers(probe).length > 0), [runs]);
  const probed = useMemo(() => probedLayers(attended.map(({ probe }) => probe)), [attended]);
  const layers = useMemo(() => shownLayers(address.figureLayers, probed), [address.figureLayers, probed]);
  const model = useMemo(
    () => (attended.length === 0 ? undefined : attentionByTokenModel(attended, layers)),
    [attended, layers],
  );
  const bars = useMemo(() => model && attentionByTokenBars(model), [model]);
  const read = useCallback((bar: PlacedBar) => attentionReading(model!, bar, labels), [model, labels]);
  if (model === undefined || bars === undefined) return null;
  return (
    <Card
      title="Attention by token class"
      name="attention-by-token"
      sentence={attentionSentence(model, labels)}
      table={() => attentionByTokenTable(model)}
      requests={requests}
      svg={() => sheetSvg("attention-by-token")}
      controls={<LayerTicks layers={probed} chosen={layers} />}
    >
      <BarSheet id="attention-by-token" model={bars} read={read} />
    </Card>
  );
}

export function BinsCard({ address, runs, labels, requests }: ProbedCardProps) {
  const headed = useMemo(() => runs.filter(({ probe }) => probe.heads?.length), [runs]);
  const bins = address.bins ?? DEFAULT_BINS;
  const model = useMemo(() => binsOrReason(headed, bins), [headed, bins]);
  const bars = useMemo(() => (typeof model === "string" ? undefined : headsByBinBars(model)), [model]);
  const read = useCallback(
    (bar: PlacedBar) => (typeof model === "string" ? { title: model, lines: [] } : binReading(model, bar, labels)),
    [model, labels],
  );
  const most = new Set(headed[0]?.probe.heads?.map(({ layer }) => layer ?? 0)).size;
  if (headed.length === 0) return null;
  const controls = (
    <Select
      label="Bins of layers"
      value={String(Math.min(bins, most))}
      choices={Array.from({ length: most }, (_, index) => ({ value: String(index + 1), text: String(index + 1) }))}
      onChange={(text) => navigate({ bins: Number(text) })}
    />
  );
  if (typeof model === "string" || bars === undefined)
    return (
      <Card title="Heads by category" name="heads-by-bin" sentence={`${model}.`} controls={controls}>
        {null}
      </Card>
    );
  return (
    <Card
      title="Heads by category"
      name="heads-by-bin"
      sentence={binsSentence(model, labels)}
      table={() => headsByBinTable(model)}
      requests={requests}
      svg={() => sheetSvg("heads-by-bin")}
      controls={controls}
    >
      <BarSheet id="heads-by-bin" model={bars} read={read} />
    </Card>
  );
}

/** @returns the figure, or in words why these runs cannot stand in one */
function binsOrReason(runs: readonly ProbedRun[], bins: number) {
  try {
    return headsByBinModel(runs, bins);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }
}
