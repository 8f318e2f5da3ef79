// A collector killed again and again, at every stage of its life, under ranks that go on sending: what is stored is what was sent.
// MOESCOPE_KILLS=500 kills it as often (50 without); MOESCOPE_SEED=N repeats the moments of an earlier run.
import { expect, test } from "vitest";
import { ROLLED_TABLES } from "./store/schema/schema.ts";
import { temporaryDirectory } from "./testing/collector.ts";
import { CollectorProcess, type Death } from "./testing/collector-process.ts";
import { Ledger } from "./testing/ledger.ts";
import { PersistentSender } from "./testing/persistent-sender.ts";
import { describedRun, random } from "./testing/runs.ts";
import { underTest } from "./testing/store-kind.ts";

const KILLS = Number(process.env.MOESCOPE_KILLS ?? 50);
const SEED = Number(process.env.MOESCOPE_SEED ?? Date.now() % 1_000_000);

/** Stages of its life in turn, the moment within one by chance: about to write, or while the engine does. */
function deathOf(life: number, next: () => number): Death {
  const upTo = (most: number) => 1 + Math.floor(next() * most);
  // A batch is one request, of some 50 ms.
  if (life % 6 === 5) return { table: "batch", time: upTo(8), microseconds: Math.floor(next() * 60_000) };
  const moment = next() < 0.3 ? {} : { microseconds: Math.floor(next() ** 2 * 6_000) };
  const rolled = ROLLED_TABLES[upTo(ROLLED_TABLES.length) - 1]!;
  // Among the first thirty statements: while it starts.
  const stage = ["any", "routing", "steps", "streams", rolled][life % 6]!;
  return { table: stage, time: upTo(stage === "any" ? 30 : 4), ...moment };
}

/** One data directory, and the collectors that live on it one after the other. */
class Lives {
  readonly deaths: string[] = [];
  readonly #dataDirectory: string;
  readonly #durability: "fsync" | "os";
  #address: Promise<string>;
  #listens!: (address: string) => void;

  constructor(dataDirectory: string, durability: "fsync" | "os") {
    this.#dataDirectory = dataDirectory;
    this.#durability = durability;
    this.#address = this.#nextAddress();
  }

  /** Where the living one is, or the next will be. */
  address(): Promise<string> {
    return this.#address;
  }

  async live(death: Death | undefined): Promise<CollectorProcess | undefined> {
    // BatchLedger then wait for each other, and are laid out ahead.
    const little = this.deaths.length % 2 === 0 ? { maxPendingBytes: 4_000 } : {};
    const options = { durability: this.#durability, ...little };
    const collector = await CollectorProcess.startToDie(this.#dataDirectory, death, options);
    if (!(collector instanceof CollectorProcess)) {
      expect(collector.lastWords, collector.log).toBeDefined();
      this.deaths.push(`starting: ${collector.lastWords}`);
      return undefined;
    }
    this.#listens(collector.grpcAddress);
    if (death === undefined) return collector;
    await collector.gone();
    this.#address = this.#nextAddress();
    expect(collector.lastWords, collector.log()).toBeDefined();
    this.deaths.push(collector.lastWords!);
    return undefined;
  }

  #nextAddress(): Promise<string> {
    return new Promise((resolve) => {
      this.#listens = resolve;
    });
  }
}

/** @returns what it was doing each time it was killed */
async function surviveKills(durability: "fsync" | "os", kills: number, seed: number): Promise<string[]> {
  const next = random(seed);
  const dataDirectory = temporaryDirectory();
  const lives = new Lives(dataDirectory, durability);
  const ledger = new Ledger();
  let enough = false;
  const rank = (run: ReturnType<typeof describedRun>, rank: number) =>
    new PersistentSender({ run, rank, ledger, address: () => lives.address(), goesOn: () => !enough });
  const alone = describedRun("alone", { moeLayers: [0, 1, 2], experts: 8, categories: ["code"] });
  const together = describedRun("together", { ranks: 3 });
  const senders = [rank(alone, 0), ...[0, 1, 2].map((number) => rank(together, number))];
  const sent = Promise.all(senders.map((sender) => sender.run()));
  const killed = async () => {
    for (let life = 0; life < kills; life++) await lives.live(deathOf(life, next));
    enough = true;
    const last = (await lives.live(undefined))!;
    await sent;
    await ledger.expectStored(last);
    expect(await last.stop()).toBe(0);
  };
  // A sender that finds something lost ends the test at once.
  await Promise.race([killed(), sent.then(() => new Promise<never>(() => {}))]);
  expect(senders.every((sender) => sender.connections > kills / 4)).toBe(true);
  return lives.deaths;
}

test(`killed ${KILLS} times, at every stage: nothing acknowledged is lost, nothing is there twice (seed ${SEED})`, {
  timeout: 60_000 + KILLS * 15_000,
}, async () => {
  const each = Math.ceil(KILLS / 2);
  const survive = [() => surviveKills("fsync", each, SEED), () => surviveKills("os", each, SEED + 1)];
  // Each has an engine of its own, or one after the other the server that they are tried on.
  const deaths =
    underTest() === undefined
      ? await Promise.all(survive.map((begin) => begin()))
      : [await survive[0]!(), await survive[1]!()];
  expect(deaths.flat()).toHaveLength(2 * each);
  // Otherwise the kills did not hit what they were meant to.
  const said = deaths.flat().join("\n");
  for (const stage of [
    "starting: ",
    "insert routing",
    "insert steps",
    "insert streams",
    "insert batch",
    "insert(Selected)? rolled_",
  ]) {
    expect(said).toMatch(new RegExp(`^${stage}`, "m"));
  }
});
