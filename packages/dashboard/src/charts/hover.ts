// Where the pointer is, on the x axis that all charts share: one chart is pointed at, every chart shows the line.
import { useSyncExternalStore } from "react";

let hovered: number | undefined;
const listeners = new Set<() => void>();

/** @param x in units of the x axis; undefined when the pointer left */
export function setHovered(x: number | undefined): void {
  if (x === hovered) return;
  hovered = x;
  for (const listener of listeners) listener();
}

export function useHovered(): number | undefined {
  return useSyncExternalStore(subscribe, () => hovered);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
