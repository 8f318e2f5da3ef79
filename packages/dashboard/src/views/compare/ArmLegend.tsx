// Which colour is which arm, under a chart.
import { Legend } from "../../components/Legend.tsx";
import { type Arm, armColour } from "./arms.ts";

export function ArmLegend({ arms, note }: { arms: readonly Arm[]; note: string }) {
  const items = arms.map((arm) => {
    const runs = arm.runs.length > 1 ? ` (${arm.runs.length} runs)` : "";
    return { id: arm.value, label: arm.name + runs, ...armColour(arm) };
  });
  return <Legend items={items} note={note} />;
}
