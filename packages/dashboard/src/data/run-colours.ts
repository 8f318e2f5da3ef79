// The colour of a run belongs to its id: the same today and tomorrow, in every chart.
import type { v1 } from "@moescope/proto";

/** Colours of `--run-0` … in theme.css, Okabe-Ito without yellow and black. */
export const RUN_COLOURS = 6;

/**
 * Index of each run's colour, by id. A hash of the id chooses; where one of the few runs started just before has it already, the next
 * free colour is taken, so that neighbours differ. Later runs never change the colour of earlier ones.
 */
export function runColours(runs: readonly v1.RunDescription.$Properties[]): Map<string, number> {
  const colours = new Map<string, number>();
  const ordered = [...runs].sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0) || compare(a.id ?? "", b.id ?? ""));
  const recent: number[] = [];
  for (const { id = "" } of ordered) {
    let colour = hash(id) % RUN_COLOURS;
    while (recent.includes(colour)) colour = (colour + 1) % RUN_COLOURS;
    colours.set(id, colour);
    recent.push(colour);
    if (recent.length > RUN_COLOURS - 2) recent.shift();
  }
  return colours;
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

/**
 * Colours for runs that are on screen together: the first to have a colour keeps it, a later one with the same gets the next free.
 *
 * @param ids at most as many as there are colours
 */
export function distinctColours(ids: readonly string[], colours: ReadonlyMap<string, number>): Map<string, number> {
  const distinct = new Map(colours);
  const taken = new Set<number>();
  for (const id of ids) {
    let colour = colours.get(id) ?? 0;
    while (taken.has(colour)) colour = (colour + 1) % RUN_COLOURS;
    taken.add(colour);
    distinct.set(id, colour);
  }
  return distinct;
}
