// What the box at the pointer says of the experts of a layer.
import type { Axis } from "../../address/address.ts";
import { nearestIndex } from "../../charts/lines.ts";
import type { Readout } from "../../charts/Plot.tsx";
import { formatPosition, tickText } from "../../charts/ticks.ts";
import { type ExpertMarks, type ExpertReading, type ExpertsModel, expertReading } from "./experts-model.ts";

/** What the marked experts are drawn in; every mark has its number beside it. */
export const MARK_COLOURS = { followed: "var(--ink)", busiest: "var(--over)", idlest: "var(--under)" } as const;

/** Its load, as a share and against the mean. */
export function loadText({ share, relative }: ExpertReading): string {
  return `${share} · ${relative} ×`;
}

/** Its share of gate mass, and of load. */
export function importanceText({ gates, share }: ExpertReading): string {
  return gates === undefined ? "" : `${gates} · load ${share}`;
}

export function percentText(share: number, ticks: readonly number[]): string {
  const percents = ticks.map((tick) => tick * 100);
  return `${tickText(share * 100, percents)} %`;
}

/**
 * @param pointed the expert under the pointer, which is told in full
 * @param say what is said of the marked experts
 */
export function expertsReadout(
  model: ExpertsModel,
  { marked }: ExpertMarks,
  { x, axis, pointed }: { x: number; axis: Axis; pointed: number | undefined },
  say: (reading: ExpertReading) => string = loadText,
): Readout | undefined {
  const row = nearestIndex(model.x, x);
  if (row < 0) return undefined;
  const steps = expertReading(model, row, 0).steps;
  const others = marked.filter(({ expert }) => expert !== pointed);
  const rows = others.map(({ expert, role }) => {
    const value = say(expertReading(model, row, expert));
    return { label: `expert ${expert}`, value, colour: MARK_COLOURS[role] };
  });
  return {
    title: axis === "step" ? steps : `${formatPosition(model.x[row]!, axis)} · ${steps}`,
    rows: pointed === undefined ? rows : [...inFull(model, row, pointed), ...rows],
  };
}

function inFull(model: ExpertsModel, row: number, expert: number): Readout["rows"] {
  const reading = expertReading(model, row, expert);
  const { count, gates, bias } = reading;
  return [
    { label: `▸ expert ${expert}`, value: loadText(reading) },
    { label: "assignments", value: count },
    ...(gates === undefined ? [] : [{ label: "gate mass", value: gates }]),
    ...(bias === undefined ? [] : [{ label: "selection bias", value: bias }]),
  ];
}
