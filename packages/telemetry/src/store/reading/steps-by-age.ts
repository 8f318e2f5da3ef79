// Which training steps are older than a moment, by the time that their sender put on them.
import { asNumber, DATABASE, type Database } from "../engine/database.ts";

/**
 * @param time milliseconds since the Unix epoch
 * @returns for an attempt of a run, the highest training step from before that time; −1 when it has none
 */
export async function lastTrainedBefore(
  database: Database,
  time: number,
): Promise<(run: string, attempt: number) => number> {
  const rows = await database.rows(
    `SELECT run, attempt, max(step) FROM ${DATABASE}.steps
     WHERE split = 'TRAIN' AND time < {time:Float64} GROUP BY run, attempt`,
    { time },
  );
  const steps = new Map(rows.map(([run, attempt, step]) => [`${run}/${attempt}`, asNumber(step)]));
  return (run, attempt) => steps.get(`${run}/${attempt}`) ?? -1;
}
