// An element that can fill the screen.
import { type RefObject, useSyncExternalStore } from "react";

/** @returns whether the element fills the screen, and what to do on a click; the browser's Escape leaves it too */
export function useFullScreen(ref: RefObject<HTMLElement | null>): [full: boolean, toggle: () => Promise<void>] {
  const full = useSyncExternalStore(
    subscribe,
    () => document.fullscreenElement !== null && document.fullscreenElement === ref.current,
  );
  const toggle = async () => {
    if (full) await document.exitFullscreen();
    else await ref.current?.requestFullscreen();
  };
  return [full, toggle];
}

function subscribe(listener: () => void): () => void {
  document.addEventListener("fullscreenchange", listener);
  return () => document.removeEventListener("fullscreenchange", listener);
}
