// One change of the store's schema.
export interface Migration {
  version: number;
  statements: string[];
  /** Statements that move rows: after the others, and where servers keep copies of each other's rows on one of them. */
  moves?: (database: string) => string[];
}
