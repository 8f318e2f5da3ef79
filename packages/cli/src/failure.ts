// How the command ends when it cannot do what it was asked: one line for a person, and an exit code for a script.
import { CommanderError } from "commander";
import { paragraph } from "./terminal/lines.ts";

export const exitCodes = { ok: 0, failed: 1, wrongUse: 2, alerted: 3, interrupted: 130 } as const;

/** Something that can go wrong went wrong; the message says what and needs no stack trace. */
export class Failure extends Error {
  override name = "Failure";
}

/** A value on the command line is not allowed; the message names it and what is. */
export class WrongUse extends Error {
  override name = "WrongUse";
}

/** Ended by Ctrl-C or a signal; said already. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/** A watched run is in trouble; said already. */
export class Alerted extends Error {
  override name = "Alerted";
}

/** Errors of other packages that mean a value the user gave is not allowed. */
const wrongUseOfPackages = ["RecipeError", "DataError"];

/** Errors of other packages that can happen; their message says what to know. */
const failuresOfPackages = ["CheckpointError"];

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.wrongUse;
  if (error instanceof Interrupted) return exitCodes.interrupted;
  if (error instanceof Alerted) return exitCodes.alerted;
  return isWrongUse(error) ? exitCodes.wrongUse : exitCodes.failed;
}

export function isWrongUse(error: unknown): boolean {
  return error instanceof WrongUse || (error instanceof Error && wrongUseOfPackages.includes(error.name));
}

/** @returns the lines to print; none when it is on the screen already */
export function explain(error: unknown, verbose: boolean): string[] {
  if (error instanceof CommanderError || error instanceof Interrupted || error instanceof Alerted) return [];
  if (!(error instanceof Error)) return paragraph(`Error: ${String(error)}`);
  if (verbose) return paragraph(error.stack ?? error.message);
  // By name, because a training process sends its errors as name and message.
  const expected = error.name === "Failure" || failuresOfPackages.includes(error.name) || isWrongUse(error);
  return paragraph(`Error: ${error.message}${expected ? "" : " (unexpected; --verbose shows where)"}`);
}
