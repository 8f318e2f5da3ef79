// What applies to every line chart: its axes and its smoothing.
import { type Address, AXES, type Axis } from "../address/address.ts";
import { navigate } from "../address/use-address.ts";
import { Segmented, Select, Switch } from "../components/controls.tsx";

const AXIS_CHOICES = AXES.map((value) => ({ value, text: { step: "Step", tokens: "Tokens", time: "Time" }[value] }));
/** Steps that a smoothed line looks back on. */
const SPANS = [0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

export function LineChoices({ address }: { address: Address }) {
  const spans = [...new Set([...SPANS, address.smooth])].sort((a, b) => a - b);
  return (
    <>
      <Segmented<Axis> label="x axis" value={address.x} choices={AXIS_CHOICES} onChange={(x) => navigate({ x })} />
      <Select
        label="Smooth"
        value={String(address.smooth)}
        choices={spans.map((span) => ({ value: String(span), text: span === 0 ? "off" : `${span} steps` }))}
        onChange={(span) => navigate({ smooth: Number(span) })}
      />
      <Switch on={address.log} onChange={(log) => navigate({ log })} title="Logarithmic y axis (y)">
        Log
      </Switch>
    </>
  );
}
