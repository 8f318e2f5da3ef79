// Which colour is which, under a chart.

/** What a colour stands for; without one, words that stand among them. */
export interface LegendItem {
  id: string;
  label: string;
  colour?: string;
  /** Of the colour, 0..1; default 1. */
  opacity?: number;
}

/** @param note said at the end */
export function Legend({ items, note = "" }: { items: readonly LegendItem[]; note?: string }) {
  return (
    <ul className="legend">
      {items.map(({ id, label, colour, opacity }) => (
        <li key={id}>
          {colour && <span className="chip" style={{ background: colour, opacity }} />}
          <span data-export="text">{label}</span>
        </li>
      ))}
      {note !== "" && (
        <li className="legend-note">
          <span data-export="text">{note}</span>
        </li>
      )}
    </ul>
  );
}
