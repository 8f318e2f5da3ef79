// The colour of a run belongs to its id: the same today and tomorrow, in every chart.
import type { v1 } from "@moescope/proto";

/** Colours of `--run-0` … in theme.css, Okabe-Ito without yellow and black. */
export const RUN_COLOURS = 6;

/** Hue of each colour: blue and sky, vermilion and orange are easily taken for one another. */
const HUES = [0, 1, 2, 3, 1, 0];
const HUE_COUNT = 4;

/**
 * Index of each run's colour, by id. A hash of the id chooses; where one of the three runs started just before has the same hue, the next
 * colour is taken, so that neighbours differ. Later runs never change the colour of earlier ones.
 */
export function runColours(runs: readonly v1.RunDescription.$Properties[]): Map<string, number> {
  const colours = new Map<string, number>();
  const ordered = [...runs].sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0) || compare(a.id ?? "", b.id ?? ""));
  const recent: number[] = [];
  for (const { id = "" } of ordered) {
    const colour = nextColour(hash(id) % RUN_COLOURS, (candidate) => !recent.includes(HUES[candidate]!));
    colours.set(id, colour);
    recent.push(HUES[colour]!);
    if (recent.length === HUE_COUNT) recent.shift();
  }
  return colours;
}

/**
 * Colours for runs that are on screen together: the first to have a colour keeps it, a later one gets the next free, of another hue while
 * there is one.
 *
 * @param ids at most as many as there are colours
 */
export function distinctColours(ids: readonly string[], colours: ReadonlyMap<string, number>): Map<string, number> {
  const distinct = new Map(colours);
  const taken: number[] = [];
  for (const id of ids) {
    const hues = new Set(taken.map((colour) => HUES[colour]));
    const isFree = (colour: number) => !taken.includes(colour) && (hues.size === HUE_COUNT || !hues.has(HUES[colour]));
    const colour = nextColour(colours.get(id) ?? 0, isFree);
    taken.push(colour);
    distinct.set(id, colour);
  }
  return distinct;
}

/** @returns the first colour from `first` on that is free; `first` when none is */
function nextColour(first: number, isFree: (colour: number) => boolean): number {
  for (let offset = 0; offset < RUN_COLOURS; offset++) {
    const colour = (first + offset) % RUN_COLOURS;
    if (isFree(colour)) return colour;
  }
  return first;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return value;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
