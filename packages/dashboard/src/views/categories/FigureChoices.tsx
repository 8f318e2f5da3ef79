// Which layers and which steps the figures show.
import { type FormEvent, useId } from "react";
import { navigate } from "../../address/use-address.ts";
import { LayerTicks } from "../../components/LayerTicks.tsx";
import { isLive } from "../../data/run-state.ts";
import type { Scene } from "../../data/scene.ts";
import { figureWindow } from "./categories-model.ts";

export function FigureChoices({ scene, layers }: { scene: Scene; layers: readonly number[] }) {
  const { address, cursor } = scene;
  const window = figureWindow(
    address.window,
    cursor.last,
    scene.chosen.some(({ summary }) => isLive(summary)),
  ) ?? [0, 0];
  return (
    <section className="figure-choices" aria-label="Layers and steps of the figures">
      <LayerTicks layers={scene.layers} chosen={layers} />
      <WindowForm key={window.join()} window={window} last={cursor.last} isDefault={address.window === undefined} />
    </section>
  );
}

/** Two steps; applied with Enter or when the field is left. */
function WindowForm({
  window,
  last,
  isDefault,
}: {
  window: readonly [number, number];
  last: number;
  isDefault: boolean;
}) {
  const id = useId();
  const apply = (form: HTMLFormElement) => {
    const data = new FormData(form);
    const [from, to] = [Number(data.get("from")), Number(data.get("to"))];
    const changed = from !== window[0] || to !== window[1];
    if (changed && form.checkValidity() && from <= to) navigate({ window: [from, to] });
  };
  return (
    <form
      className="number-field"
      aria-label="Steps of the figures"
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault();
        apply(event.currentTarget);
      }}
      onBlur={(event) => apply(event.currentTarget)}
    >
      <label htmlFor={`${id}from`}>Steps</label>
      <input
        id={`${id}from`}
        name="from"
        type="number"
        min={0}
        max={last}
        defaultValue={window[0]}
        aria-label="First step"
      />
      to
      <input name="to" type="number" min={0} max={last} defaultValue={window[1]} aria-label="Last step" />
      <button type="submit" className="visually-hidden">
        Apply
      </button>
      {!isDefault && (
        <button type="button" className="button quiet" onClick={() => navigate({ window: undefined })}>
          Last tenth
        </button>
      )}
    </form>
  );
}
