// Alerts in the store: one row when it fires and one when it is over; of the two the latter counts.
import { randomUUID } from "node:crypto";
import { v1 } from "@moescope/proto";
import { DATABASE, type Database } from "../engine/database.ts";
import { blockOf } from "../writing/rows.ts";

const COLUMNS = { run: "String", id: "String", over: "UInt32", alert: "String" } as const;

export class AlertTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async write(alert: v1.Alert): Promise<void> {
    const encoded = Buffer.from(v1.Alert.encode(alert).finish()).toString("base64");
    const block = blockOf({ columns: COLUMNS, rows: [[alert.run, alert.id, Number(alert.over), encoded]] });
    await this.#database.insert("alerts", block, randomUUID());
  }

  /** Those of one run; of all runs without it. */
  async read(run?: string): Promise<v1.Alert[]> {
    const [where, parameters] = run === undefined ? ["1", {}] : ["run = {run:String}", { run }];
    const rows = await this.#database.rows(
      `SELECT argMax(alert, over) FROM ${DATABASE}.alerts WHERE ${where} GROUP BY run, id ORDER BY run, id`,
      parameters,
    );
    return rows.map(([alert]) => v1.Alert.decode(Buffer.from(alert as string, "base64")));
  }
}
