// The embedded engine: connections that hand it one statement at a time, and an end that does not wait for what it is doing.
import { setTimeout as delay } from "node:timers/promises";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { drainPending } from "chdb";
import { createChdbConnection } from "chdb/connection";
import pLimit from "p-limit";

type Connection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>["connection"]>;

/** Milliseconds between two tries to break off what the engine is doing. */
const AGAIN_AFTER = 20;

/** Ends the statements that run; a merge that a statement waits for is not one of them. */
const BREAK_OFF = ["SYSTEM STOP MERGES", "KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' ASYNC"];

export class EmbeddedEngine {
  readonly #directory: string;
  readonly #connections: TurnTaking[] = [];

  /** @param directory the engine's own; one process can have one such directory open at a time */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws Error when the directory cannot be opened, as when another process has it open */
  connect(): ClickHouseClient {
    const connection = new TurnTaking(this.#open());
    this.#connections.push(connection);
    return createClient({ connection });
  }

  /** Takes no more statements, breaks off those that run, and lets go of the directory. */
  async close(): Promise<void> {
    const idle = Promise.all(this.#connections.map((connection) => connection.takeNoMore()));
    if (!(await within(AGAIN_AFTER, idle))) await this.#breakOff(idle);
    for (const connection of this.#connections) await connection.close();
    await drainPending();
  }

  async #breakOff(idle: Promise<unknown>): Promise<void> {
    const connection = this.#open();
    do {
      for (const query of BREAK_OFF) await connection.command({ query });
    } while (!(await within(AGAIN_AFTER, idle)));
    await connection.close();
  }

  #open(): Connection {
    // chdb's types are of another copy of the same interface.
    return createChdbConnection({ path: this.#directory }) as unknown as Connection;
  }
}

/**
 * The engine runs one statement at a time on a connection; another waits on a thread of this process. There are four, and files need
 * them as well, so statements wait here instead.
 */
class TurnTaking implements Connection {
  readonly #connection: Connection;
  readonly #turns = pLimit(1);
  #open = true;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  readonly ping: Connection["ping"] = (params) => this.#inTurn(() => this.#connection.ping(params));
  readonly query: Connection["query"] = (params) => this.#inTurn(() => this.#connection.query(params));
  readonly insert: Connection["insert"] = (params) => this.#inTurn(() => this.#connection.insert(params));
  readonly command: Connection["command"] = (params) => this.#inTurn(() => this.#connection.command(params));
  readonly exec: Connection["exec"] = (params) => this.#inTurn(() => this.#connection.exec(params));

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Refuses every statement that has not begun. Resolves when none runs. */
  async takeNoMore(): Promise<void> {
    this.#open = false;
    await this.#turns(() => undefined);
  }

  #inTurn<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    return this.#turns(() => {
      if (!this.#open) throw new Error("the store is being closed");
      return ask();
    });
  }
}

/** @returns whether it is done within these milliseconds */
async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const late = delay(milliseconds, false, { signal: timer.signal }).catch(() => false);
  const done = await Promise.race([work.then(() => true), late]);
  timer.abort();
  return done;
}
