/**
 * What can go wrong behind a query, sorted: the database is unavailable (one type, the API answers
 * 503), a constraint said no (recognised here by its name), or a bug (passed on as it is).
 */
import postgres from "postgres";

/**
 * - `lost`: the connection broke or never came about; what was sent may or may not have happened.
 * - `deadline`: no answer in time, or no free connection for a transaction.
 * - `refused`: the server answered that it cannot: shutting down, out of resources, deadlock.
 */
export type UnavailableKind = "lost" | "deadline" | "refused";

/** The database cannot answer now; trying again later may succeed. */
export class DatabaseUnavailableError extends Error {
  override readonly name = "DatabaseUnavailableError";
  readonly kind: UnavailableKind;
  constructor(kind: UnavailableKind, detail: string, cause?: unknown) {
    super(`the database is unavailable: ${detail}`, { cause });
    this.kind = kind;
  }
}

/** Server states under which the connection is gone or was never granted. */
const LOST = /^(08|28)|^57P0[1-5]$|^(3D000|53300|25P03)$/;
/** Out of resources, cancelled by a timeout, serialisation failure, deadlock: the connection lives. */
const REFUSED = /^53|^(57014|40001|40P01)$/;
/** Misuse of the client library: bugs of ours, thrown before anything was sent. */
const MISUSE = new Set([
  "MAX_PARAMETERS_EXCEEDED",
  "MESSAGE_NOT_SUPPORTED",
  "NOT_TAGGED_CALL",
  "UNDEFINED_VALUE",
  "UNSAFE_TRANSACTION",
]);

/**
 * `error` as the rest of Sluice sees it: a DatabaseUnavailableError, or unchanged when it says
 * something about the statement (a constraint, a syntax error).
 * @see PostgreSQL documentation, appendix A: error codes
 */
export function toDatabaseError(error: unknown): unknown {
  if (error instanceof DatabaseUnavailableError || !(error instanceof Error)) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (error instanceof postgres.PostgresError) {
    if (LOST.test(error.code)) return new DatabaseUnavailableError("lost", error.message, error);
    return REFUSED.test(error.code)
      ? new DatabaseUnavailableError("refused", error.message, error)
      : error;
  }
  // Whatever else carries a code comes from the socket or the client's own connection handling.
  return code === undefined || MISUSE.has(code)
    ? error
    : new DatabaseUnavailableError("lost", error.message, error);
}

/** Whether `error` is the unique constraint or unique index `constraint` (any, when left out). */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return isViolation(error, "23505", constraint);
}

/** Whether `error` is the foreign key `constraint` (any, when left out) pointing at nothing. */
export function isForeignKeyViolation(error: unknown, constraint?: string): boolean {
  return isViolation(error, "23503", constraint);
}

function isViolation(error: unknown, code: string, constraint: string | undefined): boolean {
  return error instanceof postgres.PostgresError && error.code === code &&
    (constraint === undefined || error.constraint_name === constraint);
}
