// A card with one line chart of the balance view.
import type { ReactNode } from "react";
import { LineChart } from "../../charts/LineChart.tsx";
import { linesTable } from "../../charts/line-series.ts";
import { tickText } from "../../charts/ticks.ts";
import { Card } from "../../components/Card.tsx";
import { RunLegend } from "../../components/RunLegend.tsx";
import { cursorPosition } from "../../data/cursor.ts";
import type { Scene } from "../../data/scene.ts";
import type { LinesModel } from "./layer-lines.ts";

interface LinesCardProps {
  scene: Scene;
  model: LinesModel;
  title: ReactNode;
  name: string;
  requests: readonly string[];
  /** Said at the end of the legend. */
  notes: readonly string[];
  format: (value: number) => string;
  /** Of the y axis; plain numbers when absent. */
  formatTick?: (value: number) => string;
  floor?: number;
  controls?: ReactNode;
}

export function LinesCard(props: LinesCardProps) {
  const { scene, model, title, name, requests, notes, format, formatTick = tickText, floor, controls } = props;
  const { address, chosen, cursor, histories } = scene;
  return (
    <Card
      title={title}
      name={name}
      sentence={model.sentence}
      table={() => linesTable(model)}
      requests={requests}
      controls={controls}
    >
      <LineChart
        series={model.series}
        loading={model.loading}
        {...(floor !== undefined && { floor })}
        label={`${name} over ${address.x}. ${model.sentence}`}
        axis={address.x}
        cursorX={cursorPosition(cursor, histories, address.x)}
        formatY={formatTick}
        formatReading={format}
      />
      <RunLegend runs={chosen} note={notes.filter((note) => note !== "").join(" · ")} />
    </Card>
  );
}
