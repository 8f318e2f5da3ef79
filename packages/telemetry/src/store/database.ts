// The connection to ClickHouse, embedded or a server: one dialect, one client. Runs statements, reads rows, inserts text.
import { Readable } from "node:stream";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { drainPending } from "chdb";
import { createChdbConnection } from "chdb/connection";

type Connection = NonNullable<Parameters<typeof createClient>[0]>["connection"];

/** Every statement names its tables with this database. */
export const DATABASE = "moescope";

export type QueryParameters = Record<string, string | number | readonly number[]>;

// 64-bit integers as numbers (counts stay below 2^53), NaN and infinities as the strings that `asNumber` reads.
const NUMBERS = "output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 1";

export class Database {
  // The embedded engine runs one statement at a time on a connection; with two, a long query does not hold up ingest.
  readonly #writer: ClickHouseClient;
  readonly #reader: ClickHouseClient;

  private constructor(writer: ClickHouseClient, reader: ClickHouseClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  /** @param directory the embedded engine's own; one process can have one such directory open at a time */
  static embedded(directory: string): Database {
    // chdb's types are of another copy of the same interface.
    const open = () => createChdbConnection({ path: directory }) as unknown as Connection;
    const connect = () => createClient({ connection: open() });
    return new Database(connect(), connect());
  }

  static server(url: string): Database {
    const client = createClient({ url });
    return new Database(client, client);
  }

  /** Runs a statement that answers nothing. */
  async run(query: string): Promise<void> {
    await this.#writer.command({ query });
  }

  /** @returns one array for each row, in the order of the selected columns; read numbers with `asNumber` */
  async rows(query: string, parameters: QueryParameters = {}): Promise<unknown[][]> {
    return this.#select(this.#reader, query, parameters);
  }

  /** Like `rows`, but after every earlier statement of the writer, and not behind the queries of viewers. */
  async rowsForWriter(query: string, parameters: QueryParameters = {}): Promise<unknown[][]> {
    return this.#select(this.#writer, query, parameters);
  }

  /**
   * Inserts rows; the promise settles when they are stored.
   *
   * @param token an insert with a token that was stored before changes nothing
   */
  async insert(table: string, columns: readonly string[], lines: string[], token: string): Promise<void> {
    if (lines.length === 0) return;
    const settings = `SETTINGS insert_deduplication_token = '${token}', async_insert = 0`;
    const query = `INSERT INTO ${DATABASE}.${table} (${columns.join(", ")}) ${settings} FORMAT TabSeparated`;
    const values = Readable.from([`${lines.join("\n")}\n`], { objectMode: false });
    const { stream } = await this.#writer.exec({ query, values });
    for await (const _ of stream); // the connection is free once the empty answer is read
  }

  async close(): Promise<void> {
    await this.#reader.close();
    if (this.#writer !== this.#reader) await this.#writer.close();
    await drainPending();
  }

  async #select(client: ClickHouseClient, query: string, parameters: QueryParameters): Promise<unknown[][]> {
    const answer = await client.query({
      query: `${query} SETTINGS ${NUMBERS}`,
      query_params: parameters,
      format: "JSONCompactEachRow",
    });
    return answer.json<unknown[]>();
  }
}

/** A number as `Database.rows` answers it. */
export function asNumber(value: unknown): number {
  if (typeof value === "number") return value;
  if (value === "nan" || value === "-nan") return Number.NaN;
  if (value === "inf") return Number.POSITIVE_INFINITY;
  if (value === "-inf") return Number.NEGATIVE_INFINITY;
  throw new TypeError(`the store answered ${JSON.stringify(value)} where a number belongs`);
}

export function asNumbers(value: unknown): number[] {
  return (value as unknown[]).map(asNumber);
}
