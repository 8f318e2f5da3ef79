// The connection to ClickHouse, embedded or a server: one dialect, one client. Runs statements, reads rows, inserts blocks.
import { mkdirSync, rmSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { ClickHouseClient } from "@clickhouse/client";
import { EmbeddedEngine } from "./embedded.ts";
import { type AnswerBlock, answerBlocks } from "./native-answer.ts";
import { answered } from "./store-error.ts";

/** Every statement names its tables with this database; on a cluster they are spread over the tables of its servers. */
export const DATABASE = "moescope";

/** Rows to be inserted, encoded once and inserted as often as it takes. */
export interface Block {
  columns: readonly string[];
  rows: number;
  /** Native format, in pieces. */
  bytes: readonly Uint8Array[];
}

export interface Insert {
  table: string;
  block: Block;
  /** An insert with a token that was stored before changes nothing. */
  token: string;
}

export type QueryParameters = Record<string, string | number | readonly (number | string)[]>;

// 64-bit integers as numbers (counts stay below 2^53), NaN and infinities as the strings that `asNumber` reads.
const NUMBERS = "output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 1";

/** An engine that holds rows in tables of its own: the embedded one, a server, or one server of a cluster. */
export interface Server {
  /** What errors and the log call it. */
  name: string;
  /** Holds its tables. */
  database: string;
  client: ClickHouseClient;
  /** In a cluster that keeps copies of a shard's rows: where those of this shard find each other in the keeper, and which it is. */
  copy?: { path: string; name: string };
}

/** Where statements go that are for all rows. */
interface Connections {
  // The embedded engine runs one statement at a time on a connection: with others to read, a long query does not hold up ingest, and the
  // queries of one answer not each other.
  writer: ClickHouseClient;
  readers: readonly ClickHouseClient[];
  servers: readonly Server[];
  /** The cluster's name, when rows are spread over its shards. */
  cluster?: string | undefined;
  embedded?: {
    engine: EmbeddedEngine;
    /** Where blocks are handed to the engine, which takes binary data from files alone. */
    exchange: string;
  };
}

export class Database {
  /** Every server that holds rows. */
  readonly servers: readonly Server[];
  readonly cluster: string | undefined;
  /** Whether the engine runs in this process, on a disk of its own. */
  readonly embedded: boolean;
  readonly #writer: ClickHouseClient;
  readonly #readers: { client: ClickHouseClient; busy: number }[];
  readonly #embedded: Connections["embedded"];

  private constructor({ writer, readers, servers, cluster, embedded }: Connections) {
    this.servers = servers;
    this.cluster = cluster;
    this.embedded = embedded !== undefined;
    this.#writer = writer;
    this.#readers = readers.map((client) => ({ client, busy: 0 }));
    this.#embedded = embedded;
  }

  /**
   * @param directory the embedded engine's own; one process can have one such directory open at a time. Beside it, in a directory of
   *   the same name with `-incoming`, lie the rows being inserted.
   */
  static async embedded(directory: string): Promise<Database> {
    const engine = new EmbeddedEngine(directory);
    try {
      return Database.#over(engine, directory);
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  static #over(engine: EmbeddedEngine, directory: string): Database {
    const [writer, ...readers] = [engine.connect(), engine.connect(), engine.connect()];
    // What a killed process left there was never acknowledged.
    const exchange = `${directory}-incoming`;
    rmSync(exchange, { recursive: true, force: true });
    mkdirSync(exchange, { recursive: true });
    const servers = [{ name: directory, database: DATABASE, client: writer! }];
    return new Database({ writer: writer!, readers, servers, embedded: { engine, exchange } });
  }

  /** @param cluster its name, when `servers` are those of a cluster; the first is asked, and asks the others */
  static remote(servers: readonly Server[], cluster?: string): Database {
    const { client } = servers[0]!;
    return new Database({ writer: client, readers: [client], servers, cluster });
  }

  /** Runs a statement that answers nothing. */
  async run(query: string, parameters: QueryParameters = {}): Promise<void> {
    await answered(this.#writer.command({ query, query_params: parameters }));
  }

  /** @returns one array for each row, in the order of the selected columns; read numbers with `asNumber` */
  async rows(query: string, parameters: QueryParameters = {}): Promise<unknown[][]> {
    return this.#reading((client) => select(client, query, parameters));
  }

  /** For answers of many numbers. */
  async blocks(query: string, parameters: QueryParameters = {}): Promise<AnswerBlock[]> {
    return this.#reading((client) => selectBlocks(client, query, parameters));
  }

  /** Like `blocks`, but after every earlier statement of the writer. */
  async blocksForWriter(query: string, parameters: QueryParameters = {}): Promise<AnswerBlock[]> {
    return selectBlocks(this.#writer, query, parameters);
  }

  /** Like `rows`, but after every earlier statement of the writer, and not behind the queries of viewers. */
  async rowsForWriter(query: string, parameters: QueryParameters = {}): Promise<unknown[][]> {
    return select(this.#writer, query, parameters);
  }

  /** Runs a statement on every server, whatever copy or part of the rows it holds. @param statement for tables of that database */
  async runOnEach(statement: (database: string) => string, parameters: QueryParameters = {}): Promise<void> {
    for (const { client, database } of this.servers) {
      await answered(client.command({ query: statement(database), query_params: parameters }));
    }
  }

  /**
   * Inserts rows; the promise settles when they are stored.
   *
   * @param token an insert with a token that was stored before changes nothing
   */
  async insert(table: string, block: Block, token: string): Promise<void> {
    await this.insertAll([{ table, block, token }]);
  }

  /**
   * Like `insert`, rows of several tables. When it fails, none is still on its way.
   *
   * @param last is stored when all others are
   * @param begun called when the rows are on their way, which takes little of this process from then on
   */
  async insertAll(inserts: readonly Insert[], last?: Insert, begun = () => {}): Promise<void> {
    if (this.#embedded !== undefined) {
      await this.#insertFiles(withRows([...inserts, ...(last ? [last] : [])]), this.#embedded.exchange, begun);
      return;
    }
    const others = withRows(inserts).map((insert) => this.#insertBytes(insert));
    begun();
    await allDone(others);
    for (const insert of withRows(last ? [last] : [])) await this.#insertBytes(insert);
  }

  /** In one request, whose statements follow each other without this process; they end with one that fails. */
  async #insertFiles(inserts: readonly Insert[], exchange: string, begun: () => void): Promise<void> {
    const files = inserts.map(({ table }) => join(exchange, table));
    await answered(allDone(inserts.map(({ block }, index) => writePieces(files[index]!, block.bytes))));
    const statements = inserts.map((insert, index) => {
      // One thread: the engine numbers the blocks of an insert to recognise them, so they must come in order.
      const source = `SELECT ${insert.block.columns.join(", ")} FROM file({file${index}:String}, Native)`;
      return `${intoTable(insert)} ${source} SETTINGS ${settingsOf(insert)}, max_threads = 1, max_insert_threads = 1`;
    });
    const query_params = Object.fromEntries(files.map((file, index) => [`file${index}`, file]));
    if (statements.length === 0) return;
    const done = answered(this.#writer.command({ query: statements.join(";\n"), query_params }));
    begun();
    await done;
    await answered(allDone(files.map((file) => rm(file))));
  }

  async #insertBytes(insert: Insert): Promise<void> {
    const values = Readable.from(insert.block.bytes, { objectMode: false });
    const query = `${intoTable(insert)} SETTINGS ${settingsOf(insert)} FORMAT Native`;
    await answered(
      this.#writer.exec({ query, values }).then(async ({ stream }) => {
        for await (const _ of stream); // the connection is free once the empty answer is read
      }),
    );
  }

  /** Inserts what a SELECT answers; its columns are those named, in order. */
  async insertSelected(
    table: string,
    columns: readonly string[],
    select: string,
    parameters: QueryParameters,
  ): Promise<void> {
    const query = `INSERT INTO ${DATABASE}.${table} (${columns.join(", ")}) ${select}`;
    await answered(this.#writer.command({ query, query_params: parameters }));
  }

  /** What the rows take on all servers. */
  async bytesOnDisk(): Promise<number> {
    const sizes = this.servers.map(async ({ client, database }) => {
      const query = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = {database:String}";
      const [row] = await select(client, query, { database });
      return asNumber(row![0]);
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  /** On the connection that has the least to do. */
  async #reading<Answer>(read: (client: ClickHouseClient) => Promise<Answer>): Promise<Answer> {
    const reader = this.#readers.reduce((least, other) => (other.busy < least.busy ? other : least));
    reader.busy++;
    try {
      return await read(reader.client);
    } finally {
      reader.busy--;
    }
  }

  /** Breaks off what is still asked. */
  async close(): Promise<void> {
    await this.#embedded?.engine.close();
    const clients = [...this.#readers, ...this.servers].map(({ client }) => client);
    for (const client of new Set(clients)) await client.close();
  }
}

/** Like `Database.rows`, of one server. */
export async function select(
  client: ClickHouseClient,
  query: string,
  parameters: QueryParameters = {},
): Promise<unknown[][]> {
  const answer = client.query({
    query: `${query} SETTINGS ${NUMBERS}`,
    query_params: parameters,
    // As one document: line by line the many rows of a history take longer to parse than to add up.
    format: "JSONCompact",
  });
  const { data } = await answered(answer.then((rows) => rows.json<unknown[]>()));
  return data;
}

async function selectBlocks(
  client: ClickHouseClient,
  query: string,
  parameters: QueryParameters,
): Promise<AnswerBlock[]> {
  const pieces = await answered(nativeAnswer(client, query, parameters));
  return answerBlocks(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
}

async function nativeAnswer(client: ClickHouseClient, query: string, parameters: QueryParameters): Promise<Buffer[]> {
  const { stream } = await client.exec({
    query: `${query} FORMAT Native`,
    query_params: parameters,
    // A server then says that it failed in place of half an answer.
    clickhouse_settings: { wait_end_of_query: 1 },
  });
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return pieces;
}

function intoTable({ table, block }: Insert): string {
  return `INSERT INTO ${DATABASE}.${table} (${block.columns.join(", ")})`;
}

function settingsOf({ token }: Insert): string {
  return `insert_deduplication_token = '${token}', async_insert = 0`;
}

function withRows(inserts: readonly Insert[]): Insert[] {
  return inserts.filter(({ block }) => block.rows > 0);
}

/** Waits for all of them. @throws what the first failed with, when any did */
async function allDone(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) if (result.status === "rejected") throw result.reason;
}

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writev(pieces);
  } finally {
    await file.close();
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
  const values = value as unknown[];
  return values.every((each) => typeof each === "number") ? (values as number[]) : values.map(asNumber);
}
