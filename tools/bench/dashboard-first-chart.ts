// When the first chart of a page is drawn, by the page's own clock, which starts with the navigation.
/// <reference lib="dom" />
import type { Page } from "playwright-core";

/** To be called before the page is opened. */
export async function watchFirstChart(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const look = () => {
      // A line with points, or the picture of a heat map.
      const drawn = document.querySelector(
        "#view svg path[d*='L'], #view svg polyline[points*=' '], #view svg image[href]",
      );
      if (drawn === null || "firstChart" in window) return;
      observer.disconnect();
      Object.assign(window, { firstChart: 0 });
      // The frame after the next one begins when this one is drawn.
      requestAnimationFrame(() =>
        requestAnimationFrame(() => Object.assign(window, { firstChart: performance.now() })),
      );
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, attributes: true });
  });
}

/** @returns milliseconds from the navigation */
export async function firstChart(page: Page): Promise<number> {
  const handle = await page.waitForFunction(() => (window as unknown as { firstChart?: number }).firstChart);
  return (await handle.jsonValue()) as number;
}
