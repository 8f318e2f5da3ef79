// Which colour is which arm, under a chart.
import { type Arm, armColour } from "./arms.ts";

export function ArmLegend({ arms, note = "" }: { arms: readonly Arm[]; note?: string }) {
  return (
    <ul className="legend">
      {arms.map((arm) => {
        const { colour, opacity } = armColour(arm);
        return (
          <li key={arm.value}>
            <span className="chip" style={{ background: colour, opacity }} />
            <span data-export="text">{`${arm.name}${arm.runs.length > 1 ? ` (${arm.runs.length} runs)` : ""}`}</span>
          </li>
        );
      })}
      {note !== "" && (
        <li className="legend-note">
          <span data-export="text">{note}</span>
        </li>
      )}
    </ul>
  );
}
