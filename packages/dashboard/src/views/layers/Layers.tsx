// Layers × experts: where in the model the load is out of balance, at the step cursor or over many steps, and what changed.
import type { Theme } from "../../address/address.ts";
import { Card } from "../../components/Card.tsx";
import { ColourScale } from "../../components/ColourScale.tsx";
import { DeadCell, LoadScale } from "../../components/LoadScale.tsx";
import { PaneTitle } from "../../components/PaneTitle.tsx";
import { Sentence } from "../../components/Sentence.tsx";
import { Term } from "../../components/Term.tsx";
import { useLastComplete } from "../../data/use-last-complete.ts";
import { formatCount } from "../../format/number.ts";
import { divergingColour } from "../../theme/diverging.ts";
import { sequentialColour } from "../../theme/sequential.ts";
import type { ViewProps } from "../view-props.ts";
import { CellsChoice } from "./CellsChoice.tsx";
import { LayerMap, signed } from "./LayerMap.tsx";
import { layersSentence, layersTable } from "./layers-model.ts";
import { layersPanes, type PaneScale, panesTable } from "./panes-model.ts";
import { useLayers } from "./use-layers.ts";
import "./layers.css";

export default function Layers({ scene, theme }: ViewProps) {
  const { address } = scene;
  const { models, earlier, complete, error, requests } = useLayers(scene);
  const now = { models, ...layersPanes(address.cells, models, earlier) };
  const { shown = now, stale } = useLastComplete(complete ? now : undefined);
  const { panes, scale } = shown;
  const said = shown.sentence ?? layersSentence(shown.models);
  const beside = panes.every(({ experts }) => experts <= 32);
  return (
    <Card
      title={<Term name="relative load">Layers × experts</Term>}
      name="Layers × experts"
      sentence={error === undefined ? said : `The step could not be fetched: ${error.message}`}
      table={() => (scale.kind === "difference" ? panesTable(panes) : layersTable(shown.models))}
      requests={requests}
      controls={<CellsChoice scene={scene} />}
    >
      <div className={`panes ${scale.kind}${beside ? " beside" : ""}${stale ? " stale" : ""}`} aria-busy={stale}>
        {panes.map((pane) => (
          <div key={pane.run.id} data-testid={`layers-${pane.run.id}`}>
            <PaneTitle run={pane.run} detail={pane.detail} />
            {panes.length > 1 && (
              <p className="pane-sentence" data-export="text">
                <Sentence text={pane.sentence} />
              </p>
            )}
            <LayerMap pane={pane} scale={scale} theme={theme} address={address} />
          </div>
        ))}
      </div>
      {panes.some(({ of }) => of.bucket !== undefined) && <Scale scale={scale} theme={theme} />}
    </Card>
  );
}

function Scale({ scale, theme }: { scale: PaneScale; theme: Theme }) {
  if (scale.kind === "relative") return <LoadScale theme={theme} />;
  if (scale.kind === "absolute") {
    return (
      <ColourScale
        label={`Colours of assignments, from none to ${formatCount(scale.most)}`}
        colour={(place) => sequentialColour(place, theme)}
        ticks={["0", formatCount(scale.most / 2), formatCount(scale.most)]}
        words="assignments"
      >
        <span className="absolute">
          <DeadCell fill={`rgb(${sequentialColour(0, theme).join(" ")})`} />
        </span>
      </ColourScale>
    );
  }
  return (
    <ColourScale
      label={`Colours of the difference in relative load, from ${signed(-scale.limit)} to ${signed(scale.limit)}`}
      colour={(place) => divergingColour(place, theme)}
      ticks={[signed(-scale.limit), "0", signed(scale.limit)]}
      words="difference in relative load: blue less, red more"
    />
  );
}
