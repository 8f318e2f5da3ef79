// One change of the store's schema.
export interface Migration {
  version: number;
  statements: string[];
  /** After the statements; where servers keep copies of each other's rows, on one of them. */
  moves?: Moves;
}

/** Rows that come from one table into others. It may be interrupted, and two collectors of one store may do it at once. */
export interface Moves {
  /** Where this column is gone, all rows have been moved. */
  from: { table: string; column: string };
  into: readonly {
    table: string;
    /** Columns that tell its rows apart: of rows that came twice, one is kept. */
    key: readonly string[];
    statements: (database: string) => string[];
  }[];
}
