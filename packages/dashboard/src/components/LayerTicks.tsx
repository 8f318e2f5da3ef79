// Which layers the figures show.
import { navigate } from "../address/use-address.ts";
import "./layer-ticks.css";

/** @param layers that can be shown; at least one stays chosen */
export function LayerTicks({ layers, chosen }: { layers: readonly number[]; chosen: readonly number[] }) {
  const toggle = (layer: number) => {
    const next = chosen.includes(layer)
      ? chosen.filter((each) => each !== layer)
      : [...chosen, layer].sort((a, b) => a - b);
    if (next.length > 0) navigate({ figureLayers: next });
  };
  return (
    <fieldset className="layer-ticks">
      <legend>Layers</legend>
      {layers.map((layer) => (
        <label key={layer} className={chosen.includes(layer) ? "chosen" : undefined}>
          <input type="checkbox" checked={chosen.includes(layer)} onChange={() => toggle(layer)} />
          {layer}
        </label>
      ))}
    </fieldset>
  );
}
