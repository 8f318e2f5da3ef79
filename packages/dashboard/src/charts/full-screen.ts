// How high charts are: in a card that fills the screen as high as that allows, and higher on large screens.
import { createContext, use, useSyncExternalStore } from "react";

/** Whether the card around fills the screen. */
export const FullScreen = createContext(false);

/** Of the screen, for one chart: title, legend and controls need the rest. */
const SHARE = 0.7;

/** A chart wider than this grows, on a screen higher than that, pixels: on a desk of four thousand it would be a ribbon. */
const USUAL = { width: 640, screen: 1000 };
const MOST_GROWTH = 2;

/**
 * @param height pixels in the page
 * @param width of the chart, pixels; without it the height stays on large screens too
 */
export function useChartHeight(height: number, width = 0): number {
  const full = use(FullScreen);
  const screen = useSyncExternalStore(subscribe, () => window.innerHeight);
  if (full) return Math.max(height, Math.round(screen * SHARE));
  const growth = Math.min(width / USUAL.width, screen / USUAL.screen, MOST_GROWTH);
  return Math.round(height * Math.max(1, growth));
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
}
