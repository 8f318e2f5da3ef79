// What went wrong in the store, told apart from what went wrong in this program.
import { ClickHouseError } from "@clickhouse/client";

/** The store answered with an error or could not be reached. Everything else that is thrown is a fault of this program. */
export class StoreError extends Error {
  /** Whether the store objects to the rows themselves, so that the same rows will be refused again. */
  readonly ofTheRows: boolean;

  constructor(message: string, options: { cause?: unknown; ofTheRows?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.name = "StoreError";
    this.ofTheRows = options.ofTheRows ?? false;
  }
}

/**
 * Codes of the engine for rows that it cannot read, or that no statement can work on (ClickHouse, src/Common/ErrorCodes.cpp). Memory is
 * among them: a batch is small, so what is too much for one is too much at the next try.
 */
const ROW_ERRORS = new Set(
  Object.values({
    ...{ CANNOT_PARSE_TEXT: 6, CANNOT_PARSE_INPUT_ASSERTION_FAILED: 27, CANNOT_READ_ALL_DATA: 33, BAD_ARGUMENTS: 36 },
    ...{ ILLEGAL_TYPE_OF_ARGUMENT: 43, ILLEGAL_COLUMN: 44, LOGICAL_ERROR: 49, TYPE_MISMATCH: 53, SYNTAX_ERROR: 62 },
    ...{ ARGUMENT_OUT_OF_BOUND: 69, INCORRECT_DATA: 117, TOO_LARGE_ARRAY_SIZE: 128, TOO_LARGE_STRING_SIZE: 131 },
    ...{ QUERY_IS_TOO_LARGE: 168, TOO_DEEP_RECURSION: 306, SIZES_OF_ARRAYS_DONT_MATCH: 190, TOO_BIG_AST: 168 },
    ...{ MEMORY_LIMIT_EXCEEDED: 241, UNKNOWN_ELEMENT_OF_ENUM: 691 },
  }).map(String),
);

/** Waits for an answer of the store. @throws StoreError when it fails */
export async function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    throw asStoreError(error);
  }
}

function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const ofTheRows = error instanceof ClickHouseError && ROW_ERRORS.has(error.code);
  return new StoreError(reasonOf(error), { cause: error, ofTheRows });
}

/** An address with several families fails as one error without a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
