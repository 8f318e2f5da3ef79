// The figure `relative-load` on its sheet.
import { useCallback } from "react";
import { navigate, useAddress } from "../../address/use-address.ts";
import { type Drawing, Sheet } from "../../components/Sheet.tsx";
import { RelativeLoadFigure } from "../../figures/relative-load.tsx";
import { cellAt, PAPER_WIDTH, relativeLoadLayout } from "../../figures/relative-load-layout.ts";
import type { RelativeLoadModel } from "../../figures/relative-load-model.ts";
import { formatRatio, formatWhole } from "../../format/number.ts";

/** Room for cells on a screen that is narrower than paper. */
const NARROW = 230;

export function RelativeLoadSheet({ id, model }: { id: string; model: RelativeLoadModel }) {
  const { expert: followed } = useAddress().address;
  const draw = useCallback(
    (room: number): Drawing => {
      const layout = relativeLoadLayout(model, room < 600 ? NARROW : PAPER_WIDTH);
      return {
        figure: <RelativeLoadFigure model={model} layout={layout} followed={followed} />,
        width: layout.width,
        readAt: (x, y) => {
          const cell = cellAt(layout, x, y);
          if (cell === undefined) return undefined;
          const { panel, row, expert } = cell;
          const { category, counts, relative } = panel.rows[row]!;
          return {
            title: `Layer ${panel.layer}, expert ${expert}, ${category}`,
            lines: [
              panel.label,
              `relative load ${formatRatio(relative[expert]!)} ×`,
              `${formatWhole(counts[expert]!)} assignments`,
            ],
          };
        },
        pickAt: (x, y) => {
          const cell = cellAt(layout, x, y);
          if (cell) navigate({ layer: cell.panel.layer, expert: cell.expert });
        },
      };
    },
    [model, followed],
  );
  return <Sheet id={id} draw={draw} />;
}
