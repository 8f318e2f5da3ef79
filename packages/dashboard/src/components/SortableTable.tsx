// A table whose rows can be put in order by each column, and followed.
import { type ReactNode, useMemo, useState } from "react";
import { type SortKey, sortedRows } from "./sorted-rows.ts";
import "./sortable-table.css";

export interface TableColumn<Row> {
  title: string;
  /** What its rows are sorted by. */
  key: (row: Row) => SortKey;
  /** What stands in the cell; default: the key. */
  cell?: (row: Row) => SortKey;
  /** Numbers stand at the right, and are sorted from the highest at first. */
  numeric?: boolean;
}

interface SortableTableProps<Row> {
  /** Says what the table holds. */
  label: string;
  rows: readonly Row[];
  columns: readonly TableColumn<Row>[];
  idOf: (row: Row) => string;
  /** Index of the column that rows are sorted by at first. */
  sortedBy: number;
  /** The row that is followed. */
  isPicked: (row: Row) => boolean;
  onPick: (row: Row) => void;
}

/** More rows than this come when asked for. */
const AT_FIRST = 12;
/** A page with more rows would be slow. */
const MOST = 500;

export function SortableTable<Row>(props: SortableTableProps<Row>) {
  const { label, rows, columns, idOf, isPicked, onPick } = props;
  const [sort, setSort] = useState({ column: props.sortedBy, descending: columns[props.sortedBy]!.numeric === true });
  const [all, setAll] = useState(false);
  const ordered = useMemo(
    () => sortedRows(rows, columns[sort.column]!.key, sort.descending),
    [rows, columns, sort.column, sort.descending],
  );
  const shown = ordered.slice(0, all ? MOST : AT_FIRST);
  const sortBy = (column: number) => {
    const descending = column === sort.column ? !sort.descending : columns[column]!.numeric === true;
    setSort({ column, descending });
  };
  return (
    <div className="sortable">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className="sortable-room" aria-label={label} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {columns.map(({ title, numeric }, place) => (
                <th
                  key={title}
                  scope="col"
                  className={numeric ? "numeric" : undefined}
                  aria-sort={place !== sort.column ? "none" : sort.descending ? "descending" : "ascending"}
                >
                  <button type="button" data-export="text" onClick={() => sortBy(place)}>
                    {title}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={idOf(row)} className={isPicked(row) ? "picked" : undefined} onClick={() => onPick(row)}>
                {columns.map(({ title, key, cell = key, numeric }, place) => (
                  <td key={title} className={numeric ? "numeric" : undefined}>
                    {place > 0 ? (
                      <span data-export="text">{cell(row)}</span>
                    ) : (
                      <RowButton onPick={() => onPick(row)}>{cell(row)}</RowButton>
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {ordered.length > AT_FIRST && (
        <p className="sortable-more">
          {`${shown.length} of ${ordered.length} rows. `}
          <button type="button" className="link" onClick={() => setAll(!all)}>
            {all ? "Show fewer" : "Show more"}
          </button>
          {all && ordered.length > MOST && " The CSV has them all."}
        </p>
      )}
    </div>
  );
}

/** Keys reach a row by its first cell. */
function RowButton({ onPick, children }: { onPick: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      className="link"
      data-export="text"
      onClick={(event) => {
        event.stopPropagation();
        onPick();
      }}
    >
      {children}
    </button>
  );
}
