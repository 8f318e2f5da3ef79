// Categories: the figure `relative-load`, auxiliary loss above loss-free, as it is published.
import { type PointerEvent, useMemo, useState } from "react";
import { useWidth } from "../../charts/use-width.ts";
import { Card } from "../../components/Card.tsx";
import { Blank, Notice } from "../../components/Notice.tsx";
import { arrivalOf, LOADING } from "../../data/arrival.ts";
import { isLive } from "../../data/run-state.ts";
import type { Scene } from "../../data/scene.ts";
import { useHistories } from "../../data/use-histories.ts";
import { useLastComplete } from "../../data/use-last-complete.ts";
import { RelativeLoadFigure } from "../../figures/relative-load.tsx";
import { cellAt, PAPER_WIDTH, relativeLoadLayout } from "../../figures/relative-load-layout.ts";
import { type RelativeLoadModel, relativeLoadTable } from "../../figures/relative-load-model.ts";
import { formatRatio, formatWhole } from "../../format/number.ts";
import type { ViewProps } from "../view-props.ts";
import { figureLayers, figureSentence, figureState, figureWindow } from "./categories-model.ts";
import { FigureChoices } from "./FigureChoices.tsx";
import "../../charts/readout.css";
import "./categories.css";

const FIGURE = "relative-load-figure";
const TITLE = { title: "Relative load by category", name: "relative-load" };

export default function Categories({ scene }: ViewProps) {
  const { layers: known, address } = scene;
  const layers = useMemo(() => figureLayers(address.figureLayers, known), [address.figureLayers, known]);
  const { sources, arrival, error, requests } = useSources(scene, layers);
  const now = useMemo(
    () => figureState(sources, layers, arrival, error?.message),
    [sources, layers, arrival, error?.message],
  );
  const { shown: state = now, stale } = useLastComplete(now.kind === "loading" ? undefined : now);
  if (state.kind === "blank") return <Blank title={state.title}>{state.text}</Blank>;
  if (state.kind === "loading") {
    return (
      <Card {...TITLE} sentence={LOADING}>
        <div style={{ height: 400 }} />
      </Card>
    );
  }
  const { model } = state;
  return (
    <>
      {error !== undefined && <Notice kind="bad">The steps could not be fetched: {error.message}</Notice>}
      <Card
        {...TITLE}
        sentence={figureSentence(model)}
        table={() => relativeLoadTable(model)}
        requests={requests}
        svg={() => new XMLSerializer().serializeToString(document.querySelector(`#${FIGURE} svg`)!)}
        controls={<FigureChoices scene={scene} layers={layers} />}
      >
        <div className={stale ? "stale" : undefined} aria-busy={stale}>
          <Sheet model={model} />
        </div>
      </Card>
    </>
  );
}

/** The figure on white paper, in either theme: it is shown as it will be printed. */
function Sheet({ model }: { model: RelativeLoadModel }) {
  const [reading, setReading] = useState<{ x: number; y: number; text: string[] }>();
  const [ref, width] = useWidth<HTMLDivElement>();
  const layout = useMemo(() => relativeLoadLayout(model, width < 600 ? 230 : PAPER_WIDTH), [model, width]);
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.querySelector("svg")!.getBoundingClientRect();
    const scale = layout.width / box.width;
    const cell = cellAt(layout, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
    if (cell === undefined) return setReading(undefined);
    const { panel, row, expert } = cell;
    const { category, counts, relative } = panel.rows[row]!;
    const text = [
      `Layer ${panel.layer}, expert ${expert}, ${category}`,
      panel.label,
      `relative load ${formatRatio(relative[expert]!)} ×`,
      `${formatWhole(counts[expert]!)} assignments`,
    ];
    setReading({ x: event.clientX - box.left, y: event.clientY - box.top, text });
  };
  return (
    <div
      ref={ref}
      className="sheet"
      id={FIGURE}
      onPointerMove={onPointerMove}
      onPointerLeave={() => setReading(undefined)}
    >
      {width > 0 && <RelativeLoadFigure model={model} layout={layout} />}
      {reading && (
        <div className="readout sheet-readout" style={{ left: reading.x + 12, top: reading.y + 12 }}>
          <strong>{reading.text[0]}</strong>
          {reading.text.slice(1).map((line) => (
            <div key={line}>{line}</div>
          ))}
        </div>
      )}
    </div>
  );
}

/** Each run's steps of the window, added up by the collector. */
function useSources({ address, histories: runs, split }: Scene, layers: readonly number[]) {
  const wanted = runs.flatMap(({ chosen, buckets }) => {
    const window = figureWindow(address.window, buckets.at(-1)?.lastStep ?? -1, isLive(chosen.summary));
    const own = layers.filter((layer) => chosen.run.moeLayers?.includes(layer));
    return window === undefined || own.length === 0 ? [] : [{ run: chosen.run, window, own }];
  });
  const answers = useHistories(
    wanted.map(({ run, window: [from, to], own }) => ({ run: run.id ?? "", split, from, to, points: 1, layers: own })),
  );
  return {
    sources: answers.flatMap(({ history }, place) =>
      history?.buckets.length ? [{ run: wanted[place]!.run, history }] : [],
    ),
    arrival: answers.some(({ status }) => status === "loading")
      ? ("loading" as const)
      : arrivalOf(runs.map(({ status }) => status)),
    error: answers.find(({ error }) => error !== undefined)?.error,
    requests: answers.flatMap(({ path }) => path ?? []),
  };
}
