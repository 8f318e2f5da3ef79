// What came live, drawn in slices: a frame, a click or a key never waits for the charts of a new step.
import { startTransition, useEffect, useState } from "react";
import { liveStore } from "./collector.ts";
import type { LiveSnapshot } from "./live-store.ts";

export function useLive(): LiveSnapshot {
  const [snapshot, setSnapshot] = useState(liveStore.snapshot);
  useEffect(() => {
    const take = () => startTransition(() => setSnapshot(liveStore.snapshot()));
    take();
    return liveStore.subscribe(take);
  }, []);
  return snapshot;
}
