// Layers × experts: where in the model the load is out of balance, at the step cursor.
import { navigate } from "../../address/use-address.ts";
import type { Cell } from "../../charts/cells.ts";
import { HeatMap } from "../../charts/HeatMap.tsx";
import { Card } from "../../components/Card.tsx";
import { LoadScale } from "../../components/LoadScale.tsx";
import { PaneTitle } from "../../components/PaneTitle.tsx";
import { Sentence } from "../../components/Sentence.tsx";
import { Term } from "../../components/Term.tsx";
import type { Bucket } from "../../data/bucket.ts";
import { useLastComplete } from "../../data/use-last-complete.ts";
import { useStepBuckets } from "../../data/use-step-buckets.ts";
import { formatPercent } from "../../format/number.ts";
import { stepRange } from "../../format/sentence.ts";
import type { ViewProps } from "../view-props.ts";
import {
  type LayersModel,
  layersModel,
  layersSentence,
  layersTable,
  readCell,
  readingSentence,
} from "./layers-model.ts";

export default function Layers({ scene, theme }: ViewProps) {
  const { address, histories: runs, cursor, split } = scene;
  const answers = useStepBuckets(runs, cursor, split);
  const now = runs.map(({ chosen }, place) => {
    const { bucket, status, error } = answers[place]!;
    return { bucket, error, model: layersModel(chosen, bucket, status) };
  });
  const complete = answers.every(({ status }) => status !== "loading");
  const { shown: panes = now, stale } = useLastComplete(complete ? now : undefined);
  const models = panes.map(({ model }) => model);
  const failed = panes.find(({ error }) => error !== undefined)?.error;
  const sentence = failed !== undefined ? `The step could not be fetched: ${failed.message}` : layersSentence(models);
  return (
    <Card
      title={<Term name="relative load">Layers × experts</Term>}
      name="Layers × experts"
      sentence={sentence}
      table={() => layersTable(models)}
      requests={answers.flatMap(({ path }) => path ?? [])}
    >
      <div
        className={`panes${models.every(({ experts }) => experts <= 32) ? " beside" : ""}${stale ? " stale" : ""}`}
        aria-busy={stale}
      >
        {panes.map(({ model, bucket }) => (
          <div key={model.run.id} data-testid={`layers-${model.run.id}`}>
            <PaneTitle run={model.run} detail={stepText(model, bucket)} />
            {models.length > 1 && (
              <p className="pane-sentence" data-export="text">
                <Sentence text={model.sentence} />
              </p>
            )}
            <LayerMap
              model={model}
              bucket={bucket}
              theme={theme}
              selected={{ layer: address.layer, expert: address.expert }}
            />
          </div>
        ))}
      </div>
      <LoadScale theme={theme} />
    </Card>
  );
}

function stepText({ firstStep, lastStep, status }: LayersModel, bucket: Bucket | undefined): string | undefined {
  if (bucket !== undefined) return stepRange(firstStep, lastStep);
  return status === "ready" ? "no step yet" : undefined;
}

interface LayerMapProps {
  model: LayersModel;
  bucket: Bucket | undefined;
  theme: ViewProps["theme"];
  selected: { layer: number | undefined; expert: number | undefined };
}

function LayerMap({ model, bucket, theme, selected }: LayerMapProps) {
  const { layers, experts, relative, dead } = model;
  const row = selected.layer === undefined ? -1 : layers.indexOf(selected.layer);
  const every = experts <= 24 ? 2 : experts <= 64 ? 8 : 32;
  const ticks = Array.from({ length: Math.ceil(experts / every) }, (_, place) => ({
    column: place * every,
    text: String(place * every),
  }));
  const cell = {
    ...(row >= 0 && { row }),
    ...(selected.expert !== undefined && selected.expert < experts && { column: selected.expert }),
  };
  return (
    <HeatMap
      label={`Relative load of ${experts} experts in ${layers.length} layers. ${model.sentence}`}
      status={model.status}
      values={relative}
      rows={layers.length}
      columns={experts}
      dead={dead}
      rowTitle="layer"
      columnTitle="expert"
      rowLabel={(index) => String(layers[index])}
      columnTicks={ticks}
      rowHeight={Math.max(6, Math.min(32, Math.floor(480 / layers.length)))}
      theme={theme}
      selected={Object.keys(cell).length > 0 ? cell : undefined}
      onSelect={({ row, column }) => navigate({ layer: layers[row]!, expert: column })}
      readout={(place) => readout(model, bucket, place)}
    />
  );
}

function readout(model: LayersModel, bucket: Bucket | undefined, { row, column }: Cell) {
  const reading = readCell(model.run, bucket, model.layers[row]!, column);
  if (reading === undefined) return undefined;
  const box = (
    <>
      <strong>
        Layer {reading.layer}, expert {reading.expert}
        {reading.dead && " · dead"}
      </strong>
      <div>
        <span>relative load</span>
        <b>{reading.relative} ×</b>
      </div>
      <div>
        <span>assignments</span>
        <b>{reading.count}</b>
      </div>
      {reading.bias !== undefined && (
        <div>
          <span>selection bias</span>
          <b>{reading.bias}</b>
        </div>
      )}
      {reading.categories.map(({ name, share }) => (
        <div key={name}>
          <span>from {name}</span>
          <b>{formatPercent(share)}</b>
        </div>
      ))}
    </>
  );
  return { text: readingSentence(reading), box };
}
