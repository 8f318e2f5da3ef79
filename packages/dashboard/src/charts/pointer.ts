// Where the pointer is, and what it drags over, on the x axis that all charts share: one chart is pointed at, every chart shows it.
import { useSyncExternalStore } from "react";

interface Pointed {
  /** In units of the x axis; undefined when the pointer is on no chart. */
  hovered: number | undefined;
  /** The stretch dragged over so far, from where the drag began. */
  dragged: readonly [from: number, to: number] | undefined;
}

let pointed: Pointed = { hovered: undefined, dragged: undefined };
const listeners = new Set<() => void>();

export function setPointed(change: Partial<Pointed>): void {
  pointed = { ...pointed, ...change };
  for (const listener of listeners) listener();
}

export function usePointed(): Pointed {
  return useSyncExternalStore(subscribe, () => pointed);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
