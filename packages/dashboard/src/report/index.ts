// A stored run as one self-contained HTML file, for the command line and for the browser.
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import type { Client } from "../api/client.ts";
import { RunReport } from "./RunReport.tsx";
import { type ReportChoice, readReport } from "./report-data.ts";
import { reportModel } from "./report-model.ts";

export type { ReportChoice } from "./report-data.ts";

/**
 * @param run id of a stored run
 * @param now when the report is made
 * @returns an HTML page without scripts that requests nothing
 * @throws CollectorError when the collector refuses, for example because it does not have the run
 * @throws RangeError that names a layer of the choice that has no experts
 */
export async function buildReport(
  client: Client,
  run: string,
  choice: ReportChoice = {},
  now = new Date(),
): Promise<string> {
  const data = await readReport(client, run, choice);
  const model = reportModel(data, choice, now.getTime());
  const made = `${now.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `<!doctype html>\n${renderToStaticMarkup(createElement(RunReport, { model, made }))}\n`;
}
