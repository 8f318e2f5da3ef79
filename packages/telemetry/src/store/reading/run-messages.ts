// A run as the messages that its ranks sent, read back from the store: for each attempt every rank's, in the order of their numbers.
import { totalLoad } from "@moescope/metrics";
import { layersOf, v1 } from "@moescope/proto";
import { asNumber, asNumbers, DATABASE, type Database } from "../engine/database.ts";

export interface MessagesRequest {
  run: v1.RunDescription;
  /** Condition that is true for rows of batches that exist. */
  exists: string;
}

/** Counts read at once, and the steps that have them; a step of 58 layers × 256 experts × 3 categories has 44,544. */
const PAGE_COUNTS = 500_000;
const PAGE_STEPS = 1_000;

/**
 * A page after the other, so that a run may be larger than memory. They are messages of protocol 2, also where those of protocol 1 were
 * sent. Selection biases are kept for a step, not for its ranks: every rank that sent a histogram of the layer gets them. Messages that
 * were rejected are not there, so numbers may be missing.
 */
export async function* runMessages(
  request: MessagesRequest,
  database: Database,
): AsyncGenerator<v1.ReportRequest.$Properties> {
  const attempts = await database.rows(
    `SELECT DISTINCT attempt FROM ${DATABASE}.streams WHERE run = {run:String} ORDER BY attempt`,
    { run: request.run.id },
  );
  for (const [attempt] of attempts) {
    const reader = new AttemptReader(request, asNumber(attempt), database);
    for await (const page of reader.pages()) yield* await reader.messages(page);
  }
}

/** Messages whose numbers are `from`..`to`, of all ranks. */
interface Page {
  from: number;
  to: number;
}

function messagesInPage(run: v1.RunDescription): number {
  const experts = layersOf(run).reduce((sum, layer) => sum + layer.experts, 0);
  const counts = Math.max(1, experts * run.categories.length);
  return Math.min(PAGE_STEPS, Math.max(1, Math.floor(PAGE_COUNTS / counts)));
}

type Place = Pick<v1.Step, "rank" | "split" | "step">;

class AttemptReader {
  readonly #request: MessagesRequest;
  readonly #attempt: number;
  readonly #database: Database;
  /** Layers with any number of assignments to a token. */
  readonly #varying: ReadonlySet<number>;

  constructor(request: MessagesRequest, attempt: number, database: Database) {
    this.#request = request;
    this.#attempt = attempt;
    this.#database = database;
    const varying = layersOf(request.run).filter(({ topK, expertsChoose }) => topK === 0 || expertsChoose);
    this.#varying = new Set(varying.map(({ index }) => index));
  }

  async *pages(): AsyncGenerator<Page> {
    for (let last = 0; ; ) {
      const page = await this.#pageAfter(last);
      if (page === undefined) return;
      yield page;
      last = page.to;
    }
  }

  /** @returns undefined when no message has a higher number. Numbers may begin anywhere and have gaps of any size */
  async #pageAfter(last: number): Promise<Page | undefined> {
    const most = messagesInPage(this.#request.run);
    const numbers = (table: string) => this.#select("sequence", table, `sequence > ${last}`);
    const rows = await this.#database.rows(
      `SELECT sequence, count() FROM (${numbers("steps")} UNION ALL ${numbers("ends")}) GROUP BY sequence ORDER BY sequence LIMIT ${most}`,
      { run: this.#request.run.id },
    );
    if (rows.length === 0) return undefined;
    const from = asNumber(rows[0]![0]);
    let [to, messages] = [from, 0];
    for (const [sequence, count] of rows) {
      messages += asNumber(count);
      if (messages > most) break;
      to = asNumber(sequence);
    }
    return { from, to };
  }

  async messages({ from, to }: Page): Promise<v1.ReportRequest.$Properties[]> {
    const numbered = `sequence BETWEEN ${from} AND ${to}`;
    const steps = await this.#steps(numbered);
    for (const split of new Set(steps.map((step) => step.split))) {
      const ofSplit = steps.filter((step) => step.split === split);
      await this.#fill(split, ofSplit);
    }
    const ends = await this.#ends(numbered);
    const messages = [...steps.map((step) => ({ step })), ...ends.map((end) => ({ end }))];
    return messages.sort(inOrder);
  }

  async #steps(numbered: string): Promise<v1.Step[]> {
    const columns = "toInt8(split), step, rank, sequence, tokens, time, scalar_names, scalar_values";
    const rows = await this.#rows(columns, "steps", numbered);
    return rows.map(([split, step, rank, sequence, tokens, time, names, values]) => {
      const position = {
        run: this.#request.run.id,
        attempt: this.#attempt,
        rank: asNumber(rank),
        split: asNumber(split),
      };
      const numbers = {
        step: asNumber(step),
        sequence: asNumber(sequence),
        tokens: asNumber(tokens),
        time: asNumber(time),
      };
      const scalars = asNumbers(values).map(
        (value, index) => new v1.Scalar({ name: (names as string[])[index]!, value }),
      );
      return new v1.Step({ ...position, ...numbers, scalars });
    });
  }

  async #ends(numbered: string): Promise<v1.RunEnd[]> {
    const rows = await this.#rows("rank, sequence, toInt8(outcome), reason, ended_at", "ends", numbered);
    return rows.map(([rank, sequence, outcome, reason, endedAt]) => {
      const position = { run: this.#request.run.id, attempt: this.#attempt, rank: asNumber(rank) };
      const end = { sequence: asNumber(sequence), outcome: asNumber(outcome), endedAt: asNumber(endedAt) };
      return new v1.RunEnd({ ...position, ...end, reason: reason as string });
    });
  }

  /** Adds everything but scalars to steps of one split. */
  async #fill(split: v1.Split, steps: readonly v1.Step[]): Promise<void> {
    const numbers = steps.map(({ step }) => step);
    const where = `split = '${v1.Split[split]}' AND step IN (${[...new Set(numbers)].join(", ")})`;
    const byPlace = new Map(steps.map((step) => [keyOf(step), step]));
    const at = (rank: unknown, step: unknown) => {
      return byPlace.get(keyOf({ rank: asNumber(rank), split, step: asNumber(step) }));
    };
    await this.#addHistograms(where, at, steps);
    await this.#addProbes(where, at);
  }

  async #addHistograms(where: string, at: StepAt, steps: readonly v1.Step[]): Promise<void> {
    await this.#addCategories(where, at);
    await this.#addGates(where, at);
    await this.#addBiases(where, steps);
    for (const { histograms } of steps) histograms.sort((a, b) => a.layer! - b.layer!);
  }

  async #addCategories(where: string, at: StepAt): Promise<void> {
    const columns = "step, rank, layer, category, tokens, dropped, counts, dropped_counts";
    const rows = await this.#rows(columns, "routing", where, "step, rank, layer, category");
    for (const [step, rank, layer, ...rest] of rows) {
      const [category, tokens, dropped] = rest.slice(0, 3).map(asNumber) as [number, number, number];
      const [counts, droppedCounts] = rest.slice(3).map(asNumbers) as [number[], number[]];
      const message = at(rank, step);
      if (message === undefined) continue;
      const routing = {
        category,
        tokens,
        counts,
        droppedCounts,
        assignments: this.#assignments(asNumber(layer), counts),
      };
      // Without dropped_counts it is a number of protocol 1, which counts leave out.
      const alone = droppedCounts.length === 0 ? dropped : 0;
      histogramOf(message, asNumber(layer)).categories.push(new v1.CategoryRouting({ ...routing, dropped: alone }));
    }
  }

  /** Said where it does not follow from tokens. */
  #assignments(layer: number, counts: readonly number[]): number {
    return this.#varying.has(layer) ? totalLoad(counts) : 0;
  }

  /** A rank without tokens of a layer has a row here alone. */
  async #addGates(where: string, at: StepAt): Promise<void> {
    const rows = await this.#rows("step, rank, layer, gate_mass, mean_probability", "gates", where);
    for (const [step, rank, layer, ...floats] of rows) {
      const [gateMass, meanProbability] = floats.map(asNumbers) as [number[], number[]];
      const message = at(rank, step);
      if (message !== undefined) Object.assign(histogramOf(message, asNumber(layer)), { gateMass, meanProbability });
    }
  }

  async #addBiases(where: string, steps: readonly v1.Step[]): Promise<void> {
    const columns = "step, layer, argMax(selection_bias, ranks)";
    // Up to schema version 18 nothing else tells of a histogram without categories.
    const histogramFor = this.#request.run.ranks > 1 ? histogramIn : histogramOf;
    const byStep = new Map<number, v1.Step[]>();
    for (const message of steps) byStep.set(message.step, [...(byStep.get(message.step) ?? []), message]);
    for (const [step, layer, bias] of await this.#rows(columns, "layers", where, "step, layer", "step, layer")) {
      for (const message of byStep.get(asNumber(step)) ?? []) {
        const histogram = histogramFor(message, asNumber(layer));
        if (histogram !== undefined) histogram.selectionBias = asNumbers(bias);
      }
    }
  }

  async #addProbes(where: string, at: StepAt): Promise<void> {
    const attention = await this.#rows(
      "step, rank, layer, head, token_class, share",
      "attention",
      where,
      "layer, head",
    );
    for (const [step, rank, layer, head, tokenClass, share] of attention) {
      const place = { layer: asNumber(layer), head: asNumber(head) };
      const shares = { tokenClass: tokenClass as string[], share: asNumbers(share) };
      at(rank, step)?.attention.push(new v1.AttentionByToken({ ...place, ...shares }));
    }
    const scores = "previous_token, first_token, induction, local, broad";
    const heads = await this.#rows(`step, rank, layer, head, ${scores}`, "heads", where, "layer, head");
    for (const [step, rank, ...numbers] of heads) {
      const [layer, head, previousToken, firstToken, induction, local, broad] = numbers.map(asNumber);
      const profile = { layer, head, previousToken, firstToken, induction, local, broad };
      at(rank, step)?.heads.push(new v1.HeadProfile(profile));
    }
    const saturation = await this.#rows("step, rank, layer, earlier_step, share", "saturation", where, "layer");
    for (const [step, rank, layer, earlierStep, share] of saturation) {
      const shares = { earlierStep: asNumbers(earlierStep), share: asNumbers(share) };
      at(rank, step)?.saturation.push(new v1.RouterSaturation({ layer: asNumber(layer), ...shares }));
    }
  }

  #rows(columns: string, table: string, where = "1", orderBy = "1", groupBy?: string): Promise<unknown[][]> {
    const group = groupBy === undefined ? "" : `GROUP BY ${groupBy}`;
    const query = `${this.#select(columns, table, where)} ${group} ORDER BY ${orderBy}`;
    return this.#database.rows(query, { run: this.#request.run.id });
  }

  // Numbers are put into the text, never a string that somebody sent.
  #select(columns: string, table: string, where: string): string {
    const place = `run = {run:String} AND attempt = ${this.#attempt} AND ${this.#request.exists}`;
    return `SELECT ${columns} FROM ${DATABASE}.${table} WHERE ${place} AND ${where}`;
  }
}

type StepAt = (rank: unknown, step: unknown) => v1.Step | undefined;

function histogramIn({ histograms }: v1.Step, layer: number): v1.RoutingHistogram | undefined {
  return histograms.find((histogram) => histogram.layer === layer) as v1.RoutingHistogram | undefined;
}

function histogramOf(message: v1.Step, layer: number): v1.RoutingHistogram {
  const known = histogramIn(message, layer);
  if (known !== undefined) return known;
  const added = new v1.RoutingHistogram({ layer });
  message.histograms.push(added);
  return added;
}

function keyOf({ rank, split, step }: Place): string {
  return `${rank}/${split}/${step}`;
}

interface Numbered {
  step?: v1.Step;
  end?: v1.RunEnd;
}

/** By number, then by rank. */
function inOrder(a: Numbered, b: Numbered): number {
  const [one, other] = [(a.step ?? a.end)!, (b.step ?? b.end)!];
  return one.sequence - other.sequence || one.rank - other.rank;
}
