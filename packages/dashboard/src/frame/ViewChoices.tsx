// What applies to everything in a view: its split, and the axes and smoothing of line charts.
import { type Address, AXES, type Axis, SPLITS } from "../address/address.ts";
import { navigate } from "../address/use-address.ts";
import { resetZoom } from "../charts/use-x-pointer.ts";
import { Segmented, Select, Switch } from "../components/controls.tsx";
import { attemptChoices, type ChosenRun } from "../data/chosen-runs.ts";
import type { Scene } from "../data/scene.ts";
import { stepRange } from "../format/sentence.ts";
import type { View } from "../views/registry.ts";

const SPLIT_TEXT = { train: "Train", eval: "Eval", probe: "Probe", rollout: "Rollout" };
const SPLIT_CHOICES = SPLITS.map((value) => ({ value, text: SPLIT_TEXT[value] }));
const AXIS_CHOICES = AXES.map((value) => ({ value, text: { step: "Step", tokens: "Tokens", time: "Time" }[value] }));
/** Steps that a smoothed line looks back on. */
const SPANS = [0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

export function ViewChoices({ scene: { address, chosen }, view }: { scene: Scene; view: View }) {
  const { lines, splits } = view;
  const spans = [...new Set([...SPANS, address.smooth])].sort((a, b) => a - b);
  return (
    <fieldset className="view-choices" aria-label="What the charts show">
      {splits && (
        <Select
          label="Split"
          value={address.split}
          choices={SPLIT_CHOICES}
          onChange={(split) => navigate({ split: split as (typeof SPLITS)[number], step: "live", range: undefined })}
        />
      )}
      <AttemptChoice chosen={chosen} attempt={address.attempt} />
      {lines && (
        <>
          <Segmented<Axis> label="x axis" value={address.x} choices={AXIS_CHOICES} onChange={(x) => navigate({ x })} />
          <Select
            label="Smooth"
            value={String(address.smooth)}
            choices={spans.map((span) => ({ value: String(span), text: span === 0 ? "off" : `${span} steps` }))}
            onChange={(span) => navigate({ smooth: Number(span) })}
          />
          <Switch on={address.log} onChange={(log) => navigate({ log })} title="Logarithmic y axis (y)">
            Log y
          </Switch>
        </>
      )}
      <Narrowed address={address} />
    </fieldset>
  );
}

/** Only where a run on screen was restarted. */
function AttemptChoice({ chosen, attempt }: { chosen: readonly ChosenRun[]; attempt: number | undefined }) {
  const choices = attemptChoices(chosen);
  if (choices.length === 0) return null;
  return (
    <Select
      label="Attempt"
      value={attempt === undefined ? "" : String(attempt)}
      choices={[{ value: "", text: "newest at every step" }, ...choices]}
      onChange={(text) => navigate({ attempt: text === "" ? undefined : Number(text), range: undefined })}
    />
  );
}

/** What is picked out of everything, and the way back: a part of the steps, one expert. */
function Narrowed({ address: { range, expert } }: { address: Address }) {
  return (
    <>
      {range !== undefined && (
        <button type="button" className="choice-chip" title="Show the whole run (Esc)" onClick={resetZoom}>
          {stepRange(range[0], range[1])} <span aria-hidden="true">×</span>
        </button>
      )}
      {expert !== undefined && (
        <button
          type="button"
          className="choice-chip"
          title="Follow no expert (Esc)"
          onClick={() => navigate({ expert: undefined })}
        >
          expert {expert} <span aria-hidden="true">×</span>
        </button>
      )}
    </>
  );
}
