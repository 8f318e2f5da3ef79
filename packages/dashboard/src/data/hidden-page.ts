// A page that nobody looks at holds no stream: a browser has six connections to one collector for all its tabs together.
import type { LiveStore } from "./live-store.ts";

/** Who looks at another tab for a moment finds the stream as it was, milliseconds. */
const PATIENCE = 5000;

/** @returns ends it */
export function restWhileHidden(
  store: Pick<LiveStore, "rest" | "wake">,
  page: Pick<Document, "hidden" | "addEventListener" | "removeEventListener"> = document,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (page.hidden) timer = setTimeout(() => store.rest(), PATIENCE);
    else store.wake();
  };
  page.addEventListener("visibilitychange", look);
  // Opened in the background, as many tabs at once may be.
  if (page.hidden) store.rest();
  return () => {
    clearTimeout(timer);
    page.removeEventListener("visibilitychange", look);
  };
}
