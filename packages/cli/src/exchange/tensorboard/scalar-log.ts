// The scalars of a TensorBoard log, by attempt and step.
//
// A writer that starts again repeats steps. What TensorBoard's own reader does: tensorboard/backend/event_processing/event_accumulator.py,
// `_CheckForRestartAndMaybePurge`: a `SessionLog` with status START and step N, as `SummaryWriter(purge_step=N)` writes it, discards all that
// was read before of steps from N on. Most writers say nothing; then a later file that repeats steps of a tag is a restart as well. What was
// given up stays as an earlier attempt, except for steps that the later one would leave in sight.
import { FURTHEST_TIME, LIMITS } from "@moescope/proto";
import { Failure } from "../../failure.ts";
import { type Event, SESSION_START, scalarOf } from "./event.ts";
import { readEvents } from "./event-file.ts";

export interface ScalarStep {
  /** Milliseconds since the Unix epoch, of the newest event. */
  time: number;
  /** By tag. */
  scalars: Map<string, number>;
}

export type Attempt = Map<number, ScalarStep>;

/** What was passed over, and what was found of restarts. */
export interface Log {
  attempts: Attempt[];
  /** Values that are no scalars. */
  other: number;
  /** Values of steps below 0. */
  before: number;
  /** Files with an end that was never written. */
  cut: string[];
  /** Steps that a restart discarded and did not write again. */
  discarded: number;
}

interface Point {
  step: number;
  time: number;
  tag: string;
  value: number;
}

/** The points between two starts. */
interface Session {
  /** The step that a START names; undefined at the beginning of a file. */
  start: number | undefined;
  points: Point[];
}

/**
 * @param files in the order in which they were written
 * @throws Failure for a number that no collector takes; RangeError that names the place where a file is damaged
 */
export async function readScalarLog(files: readonly string[]): Promise<Log> {
  const log: Log = { attempts: [new Map()], other: 0, before: 0, cut: [], discarded: 0 };
  for (const file of files) {
    const lastOfTag = lastSteps(log.attempts);
    for (const session of await sessionsOf(file, log)) addSession(log, session, lastOfTag);
  }
  log.attempts = log.attempts.filter(({ size }) => size > 0);
  return log;
}

function addSession(log: Log, { start, points }: Session, lastOfTag: ReadonlyMap<string, number>): void {
  const repeats = start === undefined && points.some(({ step, tag }) => step < (lastOfTag.get(tag) ?? 0));
  const replaces =
    start !== undefined && log.attempts.some((attempt) => [...attempt.keys()].some((step) => step >= start));
  if (repeats || replaces) log.attempts.push(new Map());
  const newest = log.attempts.at(-1)!;
  for (const point of points) put(newest, point);
  if (!replaces) return;
  const shownFrom = firstStep(newest);
  for (const attempt of log.attempts.slice(0, -1)) {
    for (const step of attempt.keys()) {
      if (step < start || step >= shownFrom) continue;
      attempt.delete(step);
      log.discarded++;
    }
  }
}

/** Infinite for one without steps. */
function firstStep(attempt: Attempt): number {
  let first = Number.POSITIVE_INFINITY;
  for (const step of attempt.keys()) first = Math.min(first, step);
  return first;
}

/** Of what is shown: a later attempt hides what earlier ones have from its first step on. */
function lastSteps(attempts: readonly Attempt[]): Map<string, number> {
  const last = new Map<string, number>();
  let before = Number.POSITIVE_INFINITY;
  for (const attempt of [...attempts].reverse()) {
    for (const [step, { scalars }] of attempt) {
      if (step >= before) continue;
      for (const tag of scalars.keys()) last.set(tag, Math.max(step, last.get(tag) ?? 0));
    }
    before = Math.min(before, firstStep(attempt));
  }
  return last;
}

async function sessionsOf(file: string, log: Log): Promise<Session[]> {
  const sessions: Session[] = [{ start: undefined, points: [] }];
  const unread = { tails: 0 };
  let number = 0;
  for await (const event of readEvents(file, unread)) {
    const where = `${file}, event ${++number}`;
    if (event.sessionLog?.status === SESSION_START) sessions.push({ start: event.step, points: [] });
    for (const point of pointsOf(event, where, log)) sessions.at(-1)!.points.push(point);
  }
  if (unread.tails > 0) log.cut.push(file);
  return sessions;
}

function* pointsOf({ step, wallTime, summary }: Event, where: string, log: Log): Generator<Point> {
  for (const value of summary?.value ?? []) {
    const scalar = scalarOf(value);
    if (scalar === undefined) log.other++;
    else if (step < 0) log.before++;
    else yield checked({ step, time: 1000 * wallTime, tag: value.tag ?? "", value: scalar }, where);
  }
}

function checked(point: Point, where: string): Point {
  const { step, time, tag } = point;
  const { most } = LIMITS.scalarName;
  if (!Number.isSafeInteger(step)) throw new Failure(`${where}: step is ${step}; at most 2^53 - 1 is allowed`);
  if (!(Math.abs(time) <= FURTHEST_TIME)) throw new Failure(`${where}: wall_time is ${time / 1000}, which is no date`);
  if (tag === "" || tag.length > most)
    throw new Failure(`${where}: a tag has ${tag.length} characters; allowed are 1 to ${most}`);
  return point;
}

function put(steps: Attempt, { step, time, tag, value }: Point): void {
  const known = steps.get(step) ?? { time: Number.NEGATIVE_INFINITY, scalars: new Map<string, number>() };
  known.time = Math.max(known.time, time);
  known.scalars.set(tag, value);
  steps.set(step, known);
}
