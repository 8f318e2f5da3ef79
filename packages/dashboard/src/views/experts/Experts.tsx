// Experts: the load of every expert of one layer over the steps, run beside run.
import { useMemo } from "react";
import type { Shape } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Card } from "../../components/Card.tsx";
import { Segmented, Select } from "../../components/controls.tsx";
import { Legend } from "../../components/Legend.tsx";
import { LoadScale } from "../../components/LoadScale.tsx";
import { Blank } from "../../components/Notice.tsx";
import { PaneTitle } from "../../components/PaneTitle.tsx";
import { Sentence } from "../../components/Sentence.tsx";
import { Term } from "../../components/Term.tsx";
import { cursorPosition } from "../../data/cursor.ts";
import { stepsAPoint } from "../../format/sentence.ts";
import type { ViewProps } from "../view-props.ts";
import { BiasCard } from "./BiasCard.tsx";
import { ExpertMap } from "./ExpertMap.tsx";
import { ExpertShares } from "./ExpertShares.tsx";
import { ExpertStream } from "./ExpertStream.tsx";
import { MARK_COLOURS } from "./expert-readout.ts";
import {
  deathSentence,
  expertsModel,
  expertsTable,
  MOST_LINES,
  markExperts,
  sharedXDomain,
  spreadSentence,
} from "./experts-model.ts";
import { ImportanceCard } from "./ImportanceCard.tsx";
import "./experts.css";

export default function Experts({ scene, theme }: ViewProps) {
  const { address, histories, zoomed: runs, cursor, layer: wanted, shownLayer: layer, layers, requests } = scene;
  const { x, expert, shape } = address;
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
      <Segmented<Shape> label="Shape" value={shape} choices={SHAPES} onChange={(next) => navigate({ shape: next })} />
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
              {shape === "stream" ? (
                <ExpertStream {...{ model, marks, axis: x, xDomain, cursorX }} />
              ) : (
                <ExpertShares {...{ model, marks, axis: x, xDomain, cursorX, models }} />
              )}
            </div>
          ))}
        </div>
        <Legend
          items={[...MARKS, { id: "lines", label: shape === "lines" ? linesNote(models) : STREAM }]}
          note={resolution}
        />
      </Card>
      <ImportanceCard panes={panes} chart={{ axis: x, xDomain, cursorX }} table={table} requests={requests} />
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
      <BiasCard panes={panes} chart={{ axis: x, xDomain, cursorX }} table={table} requests={requests} />
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

const SHAPES = [
  { value: "lines", text: "Lines" },
  { value: "stream", text: "Stream" },
] as const;

const MARKS = [
  { id: "busiest", label: "busiest at the cursor", colour: MARK_COLOURS.busiest },
  { id: "idlest", label: "idlest at the cursor", colour: MARK_COLOURS.idlest },
];

const STREAM = "from expert 0 at the bottom to the last at the top";

function linesNote(models: readonly { experts: number }[]): string {
  const many = models.some(({ experts }) => experts > MOST_LINES);
  const others = many ? "bands: all experts, the middle half; line: median" : "grey: all other experts";
  return `dashed: balanced, 1/E · ${others}`;
}
