// Categories: which tokens go to which experts, as the figures are published, and which experts specialise.
import { useMemo } from "react";
import { Card } from "../../components/Card.tsx";
import { Blank, Notice } from "../../components/Notice.tsx";
import { sheetSvg } from "../../components/Sheet.tsx";
import { LOADING } from "../../data/arrival.ts";
import { useLastComplete } from "../../data/use-last-complete.ts";
import { relativeLoadTable } from "../../figures/relative-load-model.ts";
import type { ViewProps } from "../view-props.ts";
import { OwnersCard, RankingCard } from "./AffinityCards.tsx";
import type { LabelledSteps } from "./affinity-model.ts";
import { figureLayers, figureSentence, relativeLoadState, stepsState } from "./categories-model.ts";
import { FigureChoices } from "./FigureChoices.tsx";
import { InformationCard } from "./InformationCard.tsx";
import { ByExpertCard, ShareCard } from "./ModalityCards.tsx";
import { RelativeLoadSheet } from "./RelativeLoadSheet.tsx";
import { useWindowSteps } from "./use-window-steps.ts";
import "./categories.css";

const RELATIVE_LOAD = { title: "Relative load by category", name: "relative-load" };

export default function Categories({ scene }: ViewProps) {
  const { layers: known, address } = scene;
  const layers = useMemo(() => figureLayers(address.figureLayers, known), [address.figureLayers, known]);
  const { sources, arrival, error, requests } = useWindowSteps(scene);
  const now = stepsState(sources.length, arrival, error?.message);
  const { shown, stale } = useLastComplete(now.kind === "loading" ? undefined : sources);
  if (shown === undefined) {
    return (
      <Card {...RELATIVE_LOAD} sentence={LOADING}>
        <div style={{ height: 400 }} />
      </Card>
    );
  }
  return (
    <>
      {error !== undefined && <Notice kind="bad">The steps could not be fetched: {error.message}</Notice>}
      <FigureChoices scene={scene} layers={layers} />
      {now.kind === "blank" ? (
        <Blank title={now.title}>{now.text}</Blank>
      ) : (
        <div className={stale ? "categories stale" : "categories"} aria-busy={stale}>
          <RelativeLoadCard sources={shown} layers={layers} requests={requests} />
          {shown.map((source) => (
            <RunCards key={source.run.id} source={source} layers={layers} requests={requests} />
          ))}
          <RankingCard sources={shown} address={address} requests={requests} />
          <OwnersCard sources={shown} address={address} requests={requests} />
          <InformationCard scene={scene} layers={layers} />
        </div>
      )}
    </>
  );
}

interface FiguresProps {
  layers: readonly number[];
  requests: readonly string[];
}

function RelativeLoadCard({ sources, layers, requests }: FiguresProps & { sources: readonly LabelledSteps[] }) {
  const model = useMemo(() => relativeLoadState(sources, layers), [sources, layers]);
  if (typeof model === "string")
    return (
      <Card {...RELATIVE_LOAD} sentence="These runs do not fit into one figure.">
        <p className="categories-apart">{model}</p>
      </Card>
    );
  return (
    <Card
      {...RELATIVE_LOAD}
      sentence={figureSentence(model)}
      table={() => relativeLoadTable(model)}
      requests={requests}
      svg={() => sheetSvg("relative-load")}
    >
      <RelativeLoadSheet id="relative-load" model={model} />
    </Card>
  );
}

/** The figures that show one run. */
function RunCards({ source, layers, requests }: FiguresProps & { source: LabelledSteps }) {
  const own = useMemo(() => layers.filter((layer) => source.run.moeLayers?.includes(layer)), [source, layers]);
  const asked = requests.filter((path) => path.includes(`/${encodeURIComponent(source.run.id ?? "")}/`));
  if (own.length === 0) return null;
  return (
    <>
      <ByExpertCard source={source} layers={own} requests={asked} />
      <ShareCard source={source} layers={own} requests={asked} />
    </>
  );
}
