// Experts: the load of every expert of one layer over the steps, run beside run.
import { useMemo } from "react";
import { navigate } from "../../address/use-address.ts";
import { Card } from "../../components/Card.tsx";
import { Select } from "../../components/controls.tsx";
import { LoadScale } from "../../components/LoadScale.tsx";
import { Blank } from "../../components/Notice.tsx";
import { PaneTitle } from "../../components/PaneTitle.tsx";
import { Sentence } from "../../components/Sentence.tsx";
import { Term } from "../../components/Term.tsx";
import { cursorPosition } from "../../data/cursor.ts";
import { stepsAPoint } from "../../format/sentence.ts";
import type { ViewProps } from "../view-props.ts";
import { ExpertLines, MARK_COLOURS } from "./ExpertLines.tsx";
import { ExpertMap } from "./ExpertMap.tsx";
import {
  deathSentence,
  expertsModel,
  expertsTable,
  markExperts,
  sharedXDomain,
  sharedYDomain,
  spreadSentence,
} from "./experts-model.ts";
import "./experts.css";

export default function Experts({ scene, theme }: ViewProps) {
  const { address, histories, zoomed: runs, cursor, layer: wanted, shownLayer: layer, layers, requests } = scene;
  const { x, expert, log } = address;
  const models = useMemo(
    () =>
      layer === undefined
        ? []
        : runs.filter(({ chosen }) => chosen.run.moeLayers?.includes(layer)).map((run) => expertsModel(run, layer, x)),
    [runs, layer, x],
  );
  const panes = useMemo(
    () => models.map((model) => ({ model, marks: markExperts(model, cursor.step, expert) })),
    [models, cursor.step, expert],
  );
  const xDomain = useMemo(() => sharedXDomain(models, x), [models, x]);
  const deaths = useMemo(() => deathSentence(models), [models]);
  if (layer === undefined) return <Blank title="No MoE layer">The chosen runs have no layer with experts.</Blank>;
  const cursorX = cursorPosition(cursor, histories, x);
  const table = () => expertsTable(models);
  const resolution = stepsAPoint(runs.map(({ width }) => width));
  const controls = (
    <>
      <Select
        label="Layer"
        value={String(wanted)}
        choices={layers.map((each) => ({ value: String(each), text: String(each) }))}
        onChange={(text) => navigate({ layer: Number(text) })}
      />
      <ExpertChoice experts={Math.max(...models.map(({ experts }) => experts))} expert={expert} />
    </>
  );
  return (
    <>
      <Card
        title={<Term name="expert load">Expert load</Term>}
        name="Expert load"
        sentence={spreadSentence(panes)}
        table={table}
        requests={requests}
        controls={controls}
      >
        <div className="panes beside">
          {panes.map(({ model, marks }) => (
            <div key={model.run.id}>
              <PaneTitle run={model.run} detail={`layer ${layer}`} />
              <p className="pane-sentence" data-export="text">
                <Sentence text={marks.sentence} />
              </p>
              <ExpertLines
                marks={marks}
                model={model}
                axis={x}
                xDomain={xDomain}
                yDomain={sharedYDomain(models, model.experts)}
                cursorX={cursorX}
                log={log}
              />
            </div>
          ))}
        </div>
        <ExpertLegend models={models} note={resolution} />
      </Card>
      <Card title="Experts over steps" name="Experts over steps" sentence={deaths} table={table} requests={requests}>
        <div className="panes beside">
          {panes.map(({ model, marks }) => (
            <div key={model.run.id}>
              <PaneTitle run={model.run} detail={`layer ${layer}`} />
              <ExpertMap model={model} marks={marks} axis={x} theme={theme} cursor={cursor} followed={expert} />
            </div>
          ))}
        </div>
        <LoadScale theme={theme} />
      </Card>
    </>
  );
}

function ExpertChoice({ experts, expert }: { experts: number; expert: number | undefined }) {
  const numbers = Array.from({ length: experts }, (_, index) => ({ value: String(index), text: String(index) }));
  const choices = [{ value: "", text: "none" }, ...numbers];
  return (
    <Select
      label="Follow expert"
      value={expert === undefined ? "" : String(expert)}
      choices={choices}
      onChange={(text) => navigate({ expert: text === "" ? undefined : Number(text) })}
    />
  );
}

function ExpertLegend({ models, note }: { models: readonly { experts: number }[]; note: string }) {
  const many = models.some(({ experts }) => experts > 64);
  const lines = many ? "bands: all experts, the middle half; line: median" : "grey: all other experts";
  return (
    <ul className="legend">
      <li>
        <span className="chip" style={{ background: MARK_COLOURS.busiest }} />
        <span data-export="text">busiest at the cursor</span>
      </li>
      <li>
        <span className="chip" style={{ background: MARK_COLOURS.idlest }} />
        <span data-export="text">idlest at the cursor</span>
      </li>
      <li>
        <span data-export="text">{`dashed: balanced, 1/E · ${lines}`}</span>
      </li>
      {note !== "" && (
        <li className="legend-note">
          <span data-export="text">{note}</span>
        </li>
      )}
    </ul>
  );
}
