// The time, for what has to say how long something takes.
import { useEffect, useState } from "react";

/** @returns milliseconds since the Unix epoch, once a second while it is needed */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
