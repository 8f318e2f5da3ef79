// Takes the README's pictures of a stored demo: `npm run moescope -- demo --data-dir DIR`, then `node tools/dist/screenshots.js DIR`.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startCollector } from "@moescope/telemetry";
import { chromiumPath, openBrowser, whereToGetChromium } from "./browser.ts";

interface Picture {
  name: string;
  path: string;
  /** What it says once its data is there. */
  until: RegExp;
  colorScheme: "light" | "dark";
  width: number;
  height: number;
}

const pictures: Picture[] = [
  { name: "overview", path: "/", until: /is the worst/, colorScheme: "light", width: 1440, height: 560 },
  {
    name: "experts",
    path: "/?view=experts&layer=1",
    until: / × its share/,
    colorScheme: "dark",
    width: 1440,
    height: 900,
  },
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
const collector = await startCollector({
  dataDirectory,
  dashboardDirectory,
  http: { port: 0 },
  grpc: { port: 0 },
  logLevel: "error",
});
const browser = await openBrowser();
mkdirSync(join(root, "tools/readme"), { recursive: true });
for (const { name, path, until, colorScheme, width, height } of pictures) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height }, deviceScaleFactor: 1.5 });
  await page.goto(`http://${collector.httpAddress}${path}`);
  // One for each of the two runs.
  await page.getByText(until).nth(1).waitFor();
  await page.screenshot({ path: join(root, `tools/readme/${name}.png`) });
  await page.close();
}
await browser.close();
await collector.stop();
