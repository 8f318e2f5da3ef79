// The main views look as they did: small golden pictures of fixed runs. `UPDATE_GOLDEN=1 npx vitest run journeys/pictures.test.ts` makes
// them anew. Fonts and browser of a machine decide where lines break, so they are compared where `MOESCOPE_PICTURES=1` says that these are
// the ones that the pictures were taken with.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, whereToGetChromium } from "../browser.ts";
import { collapsingRun, healthyRun, replay } from "./replayed-run.ts";
import { distance, readPicture, type SmallPicture, shrink } from "./small-picture.ts";
import { Stage, type Visit } from "./stage.ts";

const GOLDEN = join(import.meta.dirname, "golden");
/**
 * Of all pixels. Letters 0.15 pixels farther apart make 0.001 at most on a desk, where no line breaks anew, and other hinting none at all;
 * lines, colours, sentences or cells that are missing are above it (tried below).
 */
const ALLOWED = 0.005;
const VIEWS = ["overview", "balance", "experts", "layers", "categories", "compare"];
const SCREENS = [
  { name: "desk-light", width: 1440, height: 900, colorScheme: "light" },
  { name: "desk-dark", width: 1440, height: 900, colorScheme: "dark" },
  { name: "phone-light", width: 390, height: 844, colorScheme: "light" },
  { name: "phone-dark", width: 390, height: 844, colorScheme: "dark" },
] as const;

const compared = process.env.MOESCOPE_PICTURES === "1" || process.env.UPDATE_GOLDEN === "1";

describe.skipIf(!chromiumPath || !compared)(`golden pictures${whereToGetChromium}`, () => {
  let stage: Stage;
  /** Reads and shrinks pictures. */
  let worker: Page;
  beforeAll(async () => {
    stage = await Stage.open();
    await replay(stage.grpc, healthyRun);
    await replay(stage.grpc, collapsingRun);
    worker = await stage.browser.newPage();
    mkdirSync(GOLDEN, { recursive: true });
  });
  afterAll(() => stage?.close());

  describe.each(SCREENS)("$name", ({ name, width, height, colorScheme }) => {
    let visit: Visit;
    beforeAll(async () => {
      const path = `/?runs=${collapsingRun.id},${healthyRun.id}&layer=2`;
      visit = await stage.visit(path, { viewport: { width, height }, colorScheme });
    });
    afterAll(() => visit?.page.context().close());

    test.each(VIEWS)("%s", async (view) => {
      await show(visit.page, view);
      const picture = await settled(visit, worker);
      const file = join(GOLDEN, `${view}-${name}.png`);
      if (process.env.UPDATE_GOLDEN) writeFileSync(file, picture.png);
      const golden = await readPicture(worker, readFileSync(file));
      expect(distance(picture, golden)).toBeLessThan(ALLOWED);
    });
  });

  const oneColour = [0, 1, 2, 3, 4, 5].map((run) => `--run-${run}: magenta;`).join(" ");
  test.each([
    ["balance", "without the lines of its charts", ".plot path { visibility: hidden }"],
    ["balance", "with other colours for the runs", `:root { ${oneColour} }`],
    ["balance", "without its sentences", ".card-sentence { visibility: hidden }"],
    ["layers", "without the cells of its heat maps", "image { visibility: hidden }"],
  ])("%s %s is told from its golden picture", async (view, _, css) => {
    const visit = await stage.visit(`/?view=${view}&runs=${collapsingRun.id},${healthyRun.id}&layer=2`);
    await show(visit.page, view);
    await visit.page.addStyleTag({ content: css });
    const golden = await readPicture(worker, readFileSync(join(GOLDEN, `${view}-desk-light.png`)));
    expect(distance(await settled(visit, worker), golden)).toBeGreaterThan(ALLOWED);
    await visit.page.context().close();
  });
});

async function show(page: Page, view: string): Promise<void> {
  await page.locator(`#tab-${view}`).click();
  await page.locator('#view[aria-busy="false"] svg').first().waitFor();
}

/** Taken again until two in a row are the same, and nothing is under way any more. */
async function settled({ page, quiet }: Visit, worker: Page): Promise<SmallPicture> {
  for (let before: Buffer | undefined; ; ) {
    await quiet(500);
    const now = await page.screenshot({ animations: "disabled", caret: "hide" });
    if (before?.equals(now)) return shrink(worker, now);
    before = now;
  }
}
