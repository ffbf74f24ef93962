/**
 * One compiled statement through the client library, under a deadline.
 */
import { type CompiledQuery, type OperationNode, type QueryResult, SelectQueryNode } from "kysely";
import type postgres from "postgres";
import { DeadlineError, withDeadline } from "#shared/retry.ts";
import { DatabaseUnavailableError, toDatabaseError } from "./errors.ts";
import { encodeParameters } from "./wire.ts";

/** A result with the command tag the server completed the statement with. */
export type StatementResult = QueryResult<unknown> & { readonly command: string | undefined };

const COUNTING = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

/**
 * Runs `statement` on `sql`, prepared when it has parameters.
 * @throws DatabaseUnavailableError after `deadlineMs`, or when the connection is lost
 */
export async function runStatement(
  sql: postgres.Sql,
  statement: CompiledQuery,
  deadlineMs: number,
): Promise<StatementResult> {
  const parameters = encodeParameters(statement.parameters) as postgres.ParameterOrJSON<never>[];
  try {
    const sent = sql.unsafe(statement.sql, parameters, { prepare: true });
    return toResult(await withDeadline("the statement", deadlineMs, sent));
  } catch (error) {
    if (error instanceof DeadlineError) {
      throw new DatabaseUnavailableError("deadline", `no answer within ${deadlineMs} ms`, error);
    }
    throw toDatabaseError(error);
  }
}

function toResult(result: postgres.RowList<postgres.Row[]>): StatementResult {
  // Several statements in one text come back as a list of results without a command of its own.
  const command: string | undefined = result.command;
  if (command === undefined) return { command, rows: [] };
  return {
    command,
    rows: Array.from(result),
    ...(COUNTING.has(command) && { numAffectedRows: BigInt(result.count) }),
  };
}

/** Whether running the statement twice is the same as once: a SELECT whose CTEs only select too. */
export function isPlainRead(node: OperationNode): boolean {
  if (!SelectQueryNode.is(node)) return false;
  if (node.endModifiers !== undefined) return false; // for update, for share
  return node.with?.expressions.every(({ expression }) => isPlainRead(expression)) ?? true;
}
