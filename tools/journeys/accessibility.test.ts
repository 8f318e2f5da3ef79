// What axe finds against WCAG 2.2 A and AA in every view, on a desk and on a phone, light and dark: nothing.
import axe from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, whereToGetChromium } from "../browser.ts";
import { collapsingRun, healthyRun, replay } from "./replayed-run.ts";
import { Stage } from "./stage.ts";

const VIEWS = ["overview", "balance", "experts", "layers", "categories", "compare", "attention", "what-if", "alerts"];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const SCREENS = [
  { name: "on a desk, light", width: 1440, height: 900, colorScheme: "light" },
  { name: "on a desk, dark", width: 1440, height: 900, colorScheme: "dark" },
  { name: "on a phone, light", width: 390, height: 844, colorScheme: "light" },
  { name: "on a phone, dark", width: 390, height: 844, colorScheme: "dark" },
] as const;

describe.skipIf(!chromiumPath)(`accessibility${whereToGetChromium}`, () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open();
    await Promise.all([replay(stage.grpc, collapsingRun), replay(stage.grpc, healthyRun)]);
  });
  afterAll(() => stage?.close());

  const address = (view: string) => `/?view=${view}&runs=${collapsingRun.id},${healthyRun.id}`;

  describe.each(SCREENS)("$name", ({ width, height, colorScheme }) => {
    let page: Page;
    beforeAll(async () => {
      ({ page } = await stage.visit(address("overview"), { viewport: { width, height }, colorScheme }));
      await page.evaluate(axe.source);
    });
    afterAll(() => page?.context().close());

    test.each(VIEWS)("%s", async (view) => {
      // As a person does; a new page would need axe again.
      await page.keyboard.press(String(VIEWS.indexOf(view) + 1));
      await page.locator(`#tab-${view}[aria-selected=true]`).waitFor();
      await page.locator('#view[aria-busy="false"] :is(svg, .alerts)').first().waitFor();
      expect(await violations(page)).toEqual([]);
    });

    test("list of keys", async () => {
      await page.keyboard.press("?");
      const dialog = page.getByRole("dialog", { name: "Keys" });
      await dialog.waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
    });

    test("editing a run", async () => {
      await page.keyboard.press("1");
      await page.getByTestId(`run-${healthyRun.id}`).getByRole("button", { name: /^Edit/ }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Tags").waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
    });

    test("saved layouts", async () => {
      await page.getByRole("button", { name: "Layouts" }).click();
      await page.getByRole("textbox", { name: "Name" }).waitFor();
      expect(await violations(page)).toEqual([]);
    });
  });
});

/** One line for each element that breaks a rule. */
async function violations(page: Page): Promise<string[]> {
  const found = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(RULES)} })`)) as axe.AxeResults;
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any }) => `${id}: ${target.join(" ")}: ${any.map(({ message }) => message).join("; ")}`),
  );
}
