// Charts in a card that fills the screen are as high as it allows.
import { createContext, use, useSyncExternalStore } from "react";

/** Whether the card around fills the screen. */
export const FullScreen = createContext(false);

/** Of the screen, for one chart: title, legend and controls need the rest. */
const SHARE = 0.7;

/** @param height pixels in the page */
export function useChartHeight(height: number): number {
  const full = use(FullScreen);
  const screen = useSyncExternalStore(subscribe, () => window.innerHeight);
  return full ? Math.max(height, Math.round(screen * SHARE)) : height;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
}
