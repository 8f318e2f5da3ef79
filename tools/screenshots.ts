// Takes the README's pictures of a stored demo: `npm run moescope -- demo --data-dir DIR`, then `node tools/dist/screenshots.js DIR`.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startCollector } from "@moescope/telemetry";
import { chromiumPath, openBrowser, whereToGetChromium } from "./browser.ts";

interface Picture {
  name: string;
  path: string;
  colorScheme: "light" | "dark";
  width: number;
  height: number;
}

const pictures: Picture[] = [
  { name: "overview", path: "/", colorScheme: "light", width: 1440, height: 560 },
  { name: "experts", path: "/?view=experts&layer=1", colorScheme: "dark", width: 1440, height: 900 },
  { name: "layers", path: "/?view=layers", colorScheme: "light", width: 1440, height: 560 },
];

const [dataDirectory] = process.argv.slice(2);
if (!dataDirectory || !chromiumPath) {
  console.error(
    chromiumPath ? "usage: screenshots.js DATA_DIRECTORY" : `screenshots cannot be taken${whereToGetChromium}`,
  );
  process.exit(2);
}
const root = join(import.meta.dirname, "../..");
const dashboardDirectory = join(root, "packages/dashboard/dist/app");
const collector = await startCollector({ dataDirectory, dashboardDirectory, http: { port: 0 }, grpc: { port: 0 } });
const browser = await openBrowser();
mkdirSync(join(root, "tools/readme"), { recursive: true });
for (const { name, path, colorScheme, width, height } of pictures) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height }, deviceScaleFactor: 1.5 });
  await page.goto(`http://${collector.httpAddress}${path}`);
  await page.getByText("loss-free-bias").last().waitFor();
  await page.locator("main svg").first().waitFor();
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: join(root, `tools/readme/${name}.png`) });
  await page.close();
}
await browser.close();
await collector.stop();
