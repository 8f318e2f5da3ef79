// What was last complete, shown while its successor is on its way.
import { useEffect, useRef } from "react";

/**
 * @param now undefined while a part of it is missing
 * @returns what to show, and whether it is no longer what was asked for; undefined before anything was complete
 */
export function useLastComplete<T>(now: T | undefined): { shown: T | undefined; stale: boolean } {
  const last = useRef<T>(undefined);
  useEffect(() => {
    if (now !== undefined) last.current = now;
  });
  return { shown: now ?? last.current, stale: now === undefined && last.current !== undefined };
}
