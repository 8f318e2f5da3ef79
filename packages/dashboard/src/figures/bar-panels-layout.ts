// Where everything in a figure of bars stands, in units of the SVG. The drawing and the hit test share it.
import { roundTicks } from "../charts/ticks.ts";
import type { Bar, BarPanel, BarPanelsModel } from "./bar-panels-model.ts";
import { captionLines, LETTER_WIDTH } from "./caption.ts";
import { MARGIN, type SheetLayout, sheetHeight, TITLE_HEIGHT } from "./figure-sheet.tsx";

export interface PlacedSegment {
  series: number;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Turned, it is read from below; `x` and `y` are then its middle. */
  label?: { text: string; x: number; y: number; inside: boolean; turned?: true };
}

export interface PlacedBar {
  panel: number;
  group: number;
  bar: number;
  x: number;
  width: number;
  segments: PlacedSegment[];
  /** Height of the dashed line. */
  reference?: number;
  letter?: { text: string; x: number };
}

export interface PlacedPanel {
  title: string;
  /** Upper end of the plot, and the line that the bars stand on. */
  top: number;
  base: number;
  groupLabels: { text: string; x: number }[];
}

export interface BarPanelsLayout extends SheetLayout {
  plot: { x: number; width: number };
  legend: { name: string; colour: string; x: number; y: number }[];
  referenceSample: { x: number; y: number } | undefined;
  ticks: number[];
  panels: PlacedPanel[];
  bars: PlacedBar[];
  /** Whether group labels are turned, because they are wider than their groups. */
  turned: boolean;
}

/** Width of a sheet on paper; many groups make it wider. */
const PAPER_WIDTH = 720;
const LEFT_AXIS = 46;
const LEGEND_LINE = 18;
const PANEL_TITLE = 22;
const PANEL_GAP = 16;
const ONE_PANEL_HEIGHT = 260;
const PANEL_HEIGHT = 130;
/** The least that a group can have, so that its label, turned, can be read. */
const NARROWEST_GROUP = 10;
const WIDEST_BAR = 54;
/** A segment lower than this has its label beside it. */
const LOWEST_LABELLED = 12;
const LABEL_LINE = 11;
/** Between bars of a group: room for the labels beside a bar. */
const LABEL_WIDTH = 26;

/** @param width of the sheet; the default suits paper, a small screen has less */
export function barPanelsLayout(model: BarPanelsModel, width = PAPER_WIDTH): BarPanelsLayout {
  const groups = Math.max(1, ...model.panels.map((panel) => panel.groups.length));
  const plotWidth = Math.max(width - 2 * MARGIN - LEFT_AXIS, groups * NARROWEST_GROUP);
  const sheetWidth = plotWidth + LEFT_AXIS + 2 * MARGIN;
  const names = [...model.series.map(({ name }) => name), ...(model.reference ? [model.reference] : [])];
  const legend = placeLegend(names, sheetWidth);
  const plot = { x: MARGIN + LEFT_AXIS, width: plotWidth };
  const labels = model.panels.flatMap((panel) => panel.groups.map(({ label }) => label.length * 6));
  const turned = Math.max(0, ...labels) + 3 > plotWidth / groups;
  const layout: BarPanelsLayout = {
    width: sheetWidth,
    height: 0,
    plot,
    legend: model.series.map(({ colour }, place) => ({ ...legend[place]!, colour })),
    referenceSample: model.reference ? legend.at(-1) : undefined,
    ticks: roundTicks([0, model.values.max], model.panels.length > 1 ? 4 : 6),
    panels: [],
    bars: [],
    turned,
    captionLines: captionLines(model.caption, sheetWidth - 2 * MARGIN),
    captionY: 0,
  };
  layout.captionY = placePanels(layout, model, (legend.at(-1)?.y ?? MARGIN + TITLE_HEIGHT) + 8) + 30;
  layout.height = sheetHeight(layout.captionY, layout.captionLines.length);
  return layout;
}

/** Side by side as far as they fit, then on the next line. */
function placeLegend(names: readonly string[], sheetWidth: number): { name: string; x: number; y: number }[] {
  let [x, y] = [MARGIN, MARGIN + TITLE_HEIGHT + LEGEND_LINE - 4];
  return names.map((name) => {
    const width = 36 + name.length * (LETTER_WIDTH + 0.4);
    if (x > MARGIN && x + width > sheetWidth - MARGIN) [x, y] = [MARGIN, y + LEGEND_LINE];
    const placed = { name, x, y };
    x += width;
    return placed;
  });
}

/** @returns the lower end of the last panel's labels */
function placePanels(layout: BarPanelsLayout, model: BarPanelsModel, from: number): number {
  const height = model.panels.length > 1 ? PANEL_HEIGHT : ONE_PANEL_HEIGHT;
  const letters = model.panels.some(({ groups }) => groups.some(({ bars }) => bars.some(({ letter }) => letter)));
  const under = (letters ? 12 : 0) + (layout.turned ? 22 : 14);
  let y = from;
  for (const [index, panel] of model.panels.entries()) {
    const top = y + (panel.title ? PANEL_TITLE : 8);
    const base = top + height;
    layout.panels.push({ title: panel.title, top, base, groupLabels: groupLabels(layout, panel) });
    layout.bars.push(...placeBars(layout, panel, { index, base, unit: height / model.values.max }));
    y = base + under + PANEL_GAP;
  }
  return y;
}

function groupLabels({ plot }: BarPanelsLayout, { groups }: BarPanel): PlacedPanel["groupLabels"] {
  return groups.map(({ label }, place) => ({
    text: label,
    x: tenths(plot.x + ((place + 0.5) * plot.width) / groups.length),
  }));
}

interface Placing {
  index: number;
  base: number;
  /** Height of one percent. */
  unit: number;
}

function placeBars({ plot }: BarPanelsLayout, { groups }: BarPanel, { index, base, unit }: Placing): PlacedBar[] {
  const groupWidth = plot.width / groups.length;
  return groups.flatMap(({ bars }, group) => {
    const labelled = bars.some(({ segments }) => segments.some(({ label }) => label));
    const gap = Math.min(labelled ? LABEL_WIDTH : 7, groupWidth * (labelled ? 0.12 : 0.05));
    const width = Math.min(WIDEST_BAR, (groupWidth * 0.8) / bars.length - (bars.length > 1 ? gap : 0));
    const all = bars.length * width + (bars.length - 1) * gap;
    const left = plot.x + (group + 0.5) * groupWidth - all / 2;
    return bars.map((bar, place): PlacedBar => {
      const x = tenths(left + place * (width + gap));
      return {
        panel: index,
        group,
        bar: place,
        x,
        width: tenths(width),
        segments: placeSegments(bar, {
          ...{ x, width: tenths(width), base, unit },
          room: place < bars.length - 1 ? gap : groupWidth - all,
        }),
        ...(bar.reference !== undefined && { reference: tenths(base - bar.reference * unit) }),
        ...(bar.letter !== undefined && { letter: { text: bar.letter, x: tenths(x + width / 2) } }),
      };
    });
  });
}

interface BarPlace extends Pick<Placing, "base" | "unit"> {
  x: number;
  width: number;
  /** To the right, up to the next bar. */
  room: number;
}

/** From the bottom up; a segment of nothing has no place, and a label without room is left to the pointer. */
function placeSegments({ segments }: Bar, { x, width, base, unit, room }: BarPlace): PlacedSegment[] {
  let below = 0;
  let freeFrom = Number.POSITIVE_INFINITY;
  return segments.flatMap(({ series, value, label }) => {
    if (!(value > 0)) return [];
    const [bottom, top] = [base - below * unit, base - (below + value) * unit];
    below += value;
    const height = tenths(bottom - top);
    const placed: PlacedSegment = { series, x, y: tenths(top), width, height };
    if (label === undefined) return [placed];
    const length = label.length * LETTER_WIDTH;
    const inside = height >= LOWEST_LABELLED && width >= length;
    const middle = (bottom + top) / 2 + 3.5;
    if (inside) return [{ ...placed, label: { text: label, x: tenths(x + width / 2), y: tenths(middle), inside } }];
    if (length > room) {
      if (height < length + 4 || width < LOWEST_LABELLED) return [placed];
      const centre = { x: tenths(x + width / 2 + 3.5), y: tenths((bottom + top) / 2) };
      return [{ ...placed, label: { text: label, ...centre, inside: true, turned: true } }];
    }
    // Labels beside a bar keep a line's distance, so that thin neighbours can both be read.
    freeFrom = Math.min(middle, freeFrom - LABEL_LINE);
    return [{ ...placed, label: { text: label, x: tenths(x + width + 2), y: tenths(freeFrom), inside } }];
  });
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** @returns the bar at a point of the SVG and the segment of it, if there are */
export function barAt(layout: BarPanelsLayout, x: number, y: number): { bar: PlacedBar; series?: number } | undefined {
  const panel = layout.panels.findIndex(({ top, base }) => y >= top && y <= base);
  const bar = layout.bars.find((each) => each.panel === panel && x >= each.x && x <= each.x + each.width);
  if (!bar) return undefined;
  const segment = bar.segments.find((each) => y >= each.y && y <= each.y + each.height);
  return { bar, ...(segment && { series: segment.series }) };
}

/** SVG path of a frame around every group that has such a bar, as high as its panel. */
export function groupFrames({ bars, panels }: BarPanelsLayout, isFramed: (bar: PlacedBar) => boolean): string {
  const frames = new Map<string, { from: number; to: number; panel: number }>();
  for (const bar of bars) {
    if (!isFramed(bar)) continue;
    const key = `${bar.panel}/${bar.group}`;
    const known = frames.get(key) ?? { from: bar.x, to: bar.x + bar.width, panel: bar.panel };
    frames.set(key, { ...known, from: Math.min(known.from, bar.x), to: Math.max(known.to, bar.x + bar.width) });
  }
  return Array.from(frames.values(), ({ from, to, panel }) => {
    const { top, base } = panels[panel]!;
    return `M${from - 2} ${base}V${top}H${to + 2}V${base}Z`;
  }).join("");
}
