// Watches when a step comes on screen: the clock of the page and that of the sender are the same machine's.
/// <reference lib="dom" />
import type { Page } from "playwright-core";
import type { StepSender } from "./step-sender.ts";

/** A step that the step cursor's text has shown, and when the picture with it was drawn, milliseconds since 1970. */
export type Seen = [step: number, at: number];

/** Starts to note them; the page must show the step cursor. */
export async function watchSteps(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen: [number, number][] = [];
    Object.assign(window, { seenSteps: seen });
    const look = () => {
      const text = document.querySelector(".cursor-bar output b")?.textContent ?? "";
      const step = Number(text.replace(/\D/g, ""));
      if (text === "" || step === seen.at(-1)?.[0]) return;
      // The frame after the next one begins when this one is drawn.
      requestAnimationFrame(() => requestAnimationFrame(() => seen.push([step, Date.now()])));
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

export function seenSteps(page: Page): Promise<Seen[]> {
  return page.evaluate(() => (window as unknown as { seenSteps: Seen[] }).seenSteps);
}

/**
 * Milliseconds from the acknowledgement of each step to the first picture with it or with a later one; those never seen are left out.
 * Below 0 where the screen was first: the collector tells viewers before the batch is on the disk.
 *
 * @param steps steps of the sender's messages, in the order of their sequence numbers
 */
export function delays({ acknowledgedAt }: StepSender, steps: readonly number[], seen: readonly Seen[]): number[] {
  return steps.flatMap((step, place) => {
    const first = seen.find(([shown]) => shown >= step);
    const acknowledged = acknowledgedAt[place + 1];
    return first === undefined || acknowledged === undefined ? [] : [first[1] - acknowledged];
  });
}
