// The names that scalars of a run have had in any of its steps.
import { LIMITS } from "@moescope/proto";
import { DATABASE, type Database } from "../engine/database.ts";

/** @returns at most as many names of each run as it may have */
export async function scalarNamesOf(runs: readonly string[], database: Database): Promise<Map<string, string[]>> {
  const rows = await database.rows(
    `SELECT run, groupUniqArrayArray(${LIMITS.scalarNames.most})(scalar_names) FROM ${DATABASE}.steps
     WHERE run IN {runs:Array(String)} GROUP BY run`,
    { runs },
  );
  return new Map(rows.map(([run, names]) => [run as string, names as string[]]));
}
