// A run at a glance: layers as rows, steps as columns, red where the busiest expert gets more than its share.
import { useMemo } from "react";
import type { Theme } from "../../address/address.ts";
import { cellImage } from "../../charts/cell-image.ts";
import { loadColour } from "../../theme/diverging.ts";
import type { LayerStripModel } from "./overview-model.ts";

interface LayerStripProps {
  strip: LayerStripModel;
  /** Its place is kept until its history is here. */
  loading: boolean;
  theme: Theme;
  name: string;
}

export function LayerStrip({ strip, loading, theme, name }: LayerStripProps) {
  const { busiest, columns } = strip;
  const image = useMemo(
    () => cellImage(busiest, columns, (value) => loadColour(value, theme)),
    [busiest, columns, theme],
  );
  if (loading) return <div className="layer-strip loading" />;
  if (image === "") return null;
  return (
    <img
      className="layer-strip"
      src={image}
      alt={`Relative load of the busiest expert of each layer of ${name}, over its steps`}
    />
  );
}
