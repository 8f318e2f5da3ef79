// Frames of a page and the memory of its scripts, as the browser itself counts them.
/// <reference lib="dom" />
import type { Page } from "playwright-core";

/** More than any screen shows, for the room that is made before. */
const MOST_FRAMES_A_SECOND = 250;

/** Starts to note the time between frames, without making garbage. */
export async function watchFrames(page: Page, minutes: number): Promise<void> {
  await page.evaluate(
    (room) => {
      const noted = { intervals: new Float64Array(room), count: 0 };
      Object.assign(window, { notedFrames: noted });
      let before = performance.now();
      const next = (now: number) => {
        if (noted.count < room) noted.intervals[noted.count++] = now - before;
        before = now;
        requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    },
    minutes * 60 * MOST_FRAMES_A_SECOND,
  );
}

/** @returns milliseconds between each two frames since `watchFrames` */
export function frameIntervals(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const { intervals, count } = (window as unknown as { notedFrames: { intervals: Float64Array; count: number } })
      .notedFrames;
    // The first one began before it was watched.
    return [...intervals.subarray(1, count)];
  });
}

/** What is in use after a garbage collection. */
export async function heapMegabytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / 1e6;
}
