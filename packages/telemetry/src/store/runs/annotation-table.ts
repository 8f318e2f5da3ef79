// What people have written on runs, in the store: a row for each time, of which the newest counts.
import { randomUUID } from "node:crypto";
import { LIMITS, v1 } from "@moescope/proto";
import { DATABASE, type Database } from "../engine/database.ts";
import type { WhichRuns } from "../store.ts";
import { blockOf } from "../writing/rows.ts";

/** Most characters of each, and most tags. */
export const ANNOTATION_LIMITS = {
  ...{ name: LIMITS.annotationName.most, tag: LIMITS.annotationTag.most },
  ...{ tags: LIMITS.annotationTags.most, notes: LIMITS.annotationNotes.most },
};

const COLUMNS = { run: "String", written_at: "Float64", annotation: "String" } as const;

export class AnnotationTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async write(run: string, annotation: v1.Annotation): Promise<void> {
    await this.writeAll(new Map([[run, annotation]]));
  }

  /** In one insert. */
  async writeAll(annotations: ReadonlyMap<string, v1.Annotation>): Promise<void> {
    const rows = [...annotations].map(([run, annotation]) => {
      return [run, Date.now(), Buffer.from(v1.Annotation.encode(annotation).finish()).toString("base64")];
    });
    await this.#database.insert("annotations", blockOf({ columns: COLUMNS, rows }), randomUUID());
  }

  /** By run. */
  async read({ where, parameters }: WhichRuns): Promise<Map<string, v1.Annotation>> {
    const rows = await this.#database.rows(
      `SELECT run, argMax(annotation, written_at) FROM ${DATABASE}.annotations WHERE ${where} GROUP BY run`,
      parameters,
    );
    return new Map(
      rows.map(([run, encoded]) => [run as string, v1.Annotation.decode(Buffer.from(encoded as string, "base64"))]),
    );
  }
}
