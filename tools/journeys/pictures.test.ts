// The main views look as they did: small golden pictures of fixed runs. `UPDATE_GOLDEN=1 npx vitest run journeys/pictures.test.ts` makes them anew.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, whereToGetChromium } from "../browser.ts";
import { collapsingRun, healthyRun, replay } from "./replayed-run.ts";
import { distance, readPicture, type SmallPicture, shrink } from "./small-picture.ts";
import { Stage } from "./stage.ts";

const GOLDEN = join(import.meta.dirname, "golden");
/** Of all pixels; a chart that is missing or of another colour is above it (tried below). */
const ALLOWED = 0.01;
const VIEWS = ["overview", "balance", "experts", "layers", "categories", "compare"];
const SCREENS = [
  { name: "desk-light", width: 1440, height: 900, colorScheme: "light" },
  { name: "desk-dark", width: 1440, height: 900, colorScheme: "dark" },
  { name: "phone-light", width: 390, height: 844, colorScheme: "light" },
  { name: "phone-dark", width: 390, height: 844, colorScheme: "dark" },
] as const;

describe.skipIf(!chromiumPath)(`golden pictures${whereToGetChromium}`, () => {
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
    let page: Page;
    beforeAll(async () => {
      const path = `/?runs=${collapsingRun.id},${healthyRun.id}&layer=2`;
      ({ page } = await stage.visit(path, { viewport: { width, height }, colorScheme }));
    });
    afterAll(() => page?.context().close());

    test.each(VIEWS)("%s", async (view) => {
      await show(page, view);
      const picture = await settled(page, worker);
      const file = join(GOLDEN, `${view}-${name}.png`);
      if (process.env.UPDATE_GOLDEN) writeFileSync(file, picture.png);
      const golden = await readPicture(worker, readFileSync(file));
      expect(distance(picture, golden)).toBeLessThan(ALLOWED);
    });
  });

  test.each([
    ["without the lines of its charts", ".plot path { visibility: hidden }"],
    [
      "with other colours for the runs",
      ":root { --run-0: magenta; --run-1: magenta; --run-2: magenta; --run-3: magenta; --run-4: magenta; --run-5: magenta }",
    ],
    ["without its sentences", ".card-sentence { visibility: hidden }"],
  ])("a picture %s is told from its golden one", async (_, css) => {
    const { page } = await stage.visit(`/?view=balance&runs=${collapsingRun.id},${healthyRun.id}&layer=2`);
    await show(page, "balance");
    await page.addStyleTag({ content: css });
    const golden = await readPicture(worker, readFileSync(join(GOLDEN, "balance-desk-light.png")));
    expect(distance(await settled(page, worker), golden)).toBeGreaterThan(ALLOWED);
    await page.context().close();
  });
});

async function show(page: Page, view: string): Promise<void> {
  await page.locator(`#tab-${view}`).click();
  await page.locator('#view[aria-busy="false"] svg').first().waitFor();
}

/** Taken again until two in a row are the same: fonts, lazily loaded parts and the last data have come. */
async function settled(page: Page, worker: Page): Promise<SmallPicture> {
  for (let before: Buffer | undefined; ; ) {
    const now = await page.screenshot({ animations: "disabled", caret: "hide" });
    if (before?.equals(now)) return shrink(worker, now);
    before = now;
  }
}
