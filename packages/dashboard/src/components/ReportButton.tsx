// Saves a run as one HTML file. What makes it, a second renderer among it, is loaded when it is asked for.
import { useState } from "react";
import { client } from "../data/collector.ts";
import { saveText } from "../export/save.ts";

/** @param name what the run is called on screen */
export function ReportButton({ run, name }: { run: string; name: string }) {
  const [state, setState] = useState<"idle" | "making" | { problem: string }>("idle");
  const save = async () => {
    setState("making");
    try {
      const { buildReport } = await import("../report/index.ts");
      saveText(await buildReport(client, run), `moescope-${run.replace(/[^\w.-]+/g, "-")}.html`, "text/html");
      setState("idle");
    } catch (error) {
      setState({ problem: error instanceof Error ? error.message : String(error) });
    }
  };
  return (
    <>
      <button
        type="button"
        className="link"
        aria-label={`Save a report of ${name}`}
        disabled={state === "making"}
        onClick={() => void save()}
      >
        {state === "making" ? "Making a report…" : "Report"}
      </button>
      {typeof state === "object" && <small role="alert">{`The report could not be made: ${state.problem}`}</small>}
    </>
  );
}
