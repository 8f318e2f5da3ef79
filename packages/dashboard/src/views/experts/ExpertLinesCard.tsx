// A card with one chart of lines for each run that has something to draw.
import type { ComponentProps } from "react";
import { Card } from "../../components/Card.tsx";
import { PaneTitle } from "../../components/PaneTitle.tsx";
import { ExpertLines } from "./ExpertLines.tsx";
import type { ExpertChartProps } from "./expert-chart.ts";
import type { ExpertMarks, ExpertsModel } from "./experts-model.ts";

export interface ExpertPane {
  model: ExpertsModel;
  marks: ExpertMarks;
}

/** What every card of lines of the view is given. */
export interface LinesCardProps {
  panes: readonly ExpertPane[];
  chart: Pick<ExpertChartProps, "axis" | "xDomain" | "cursorX">;
  table: () => (string | number)[][];
  requests: readonly string[];
}

type Lines = Omit<ComponentProps<typeof ExpertLines>, keyof LinesCardProps["chart"] | keyof ExpertPane>;

interface ExpertLinesCardProps
  extends LinesCardProps,
    Pick<ComponentProps<typeof Card>, "title" | "name" | "sentence"> {
  /** The lines of a run, given it and its place among the panes. */
  linesOf: (model: ExpertsModel, place: number) => Lines;
}

export function ExpertLinesCard({ panes, chart, linesOf, ...card }: ExpertLinesCardProps) {
  return (
    <Card {...card}>
      <div className="panes beside">
        {panes.map(({ model, marks }, place) => (
          <div key={model.run.id}>
            <PaneTitle run={model.run} detail={`layer ${model.layer}`} />
            <ExpertLines {...chart} model={model} marks={marks} {...linesOf(model, place)} />
          </div>
        ))}
      </div>
    </Card>
  );
}
