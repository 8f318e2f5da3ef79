// What the cells of layers × experts say, and of which steps.
import type { Cells } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Segmented } from "../../components/controls.tsx";
import type { Scene } from "../../data/scene.ts";

const CELLS = [
  { value: "relative", text: "Relative" },
  { value: "absolute", text: "Absolute" },
  { value: "runs", text: "Run − run" },
  { value: "steps", text: "Step − step" },
] as const;

export function CellsChoice({ scene: { address, cursor } }: { scene: Scene }) {
  const { cells, span, since, range } = address;
  const spans = [
    { value: "step", text: "Step at the cursor" },
    { value: "range", text: range === undefined ? "Whole run" : "Steps zoomed to" },
  ] as const;
  return (
    <>
      <Segmented<Cells> label="Cells" value={cells} choices={CELLS} onChange={(next) => navigate({ cells: next })} />
      {cells !== "steps" && (
        <Segmented label="Steps" value={span} choices={spans} onChange={(next) => navigate({ span: next })} />
      )}
      {cells === "steps" && (
        <label className="number-field">
          less step
          <input
            type="number"
            min={0}
            max={Math.max(0, cursor.last)}
            value={since}
            onChange={({ target }) =>
              Number.isSafeInteger(target.valueAsNumber) &&
              navigate({ since: Math.max(0, target.valueAsNumber) }, "replace")
            }
          />
        </label>
      )}
      {cells === "steps" && cursor.step >= 0 && (
        <button type="button" className="button" onClick={() => navigate({ since: cursor.step })}>
          Take the cursor's step
        </button>
      )}
    </>
  );
}
