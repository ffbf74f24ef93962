/**
 * One compiled statement through the client library, under a deadline.
 */
import { type CompiledQuery, type OperationNode, type QueryResult, SelectQueryNode } from "kysely";
import type postgres from "postgres";
import { DatabaseUnavailableError, toDatabaseError } from "../errors.ts";
import { encodeParameters } from "./wire.ts";

/** A result with the command tag the server completed the statement with. */
export type StatementResult = QueryResult<unknown> & { readonly command: string | undefined };

const COUNTING = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

/**
 * Runs `statement` on `sql`, prepared when it has parameters. Written out, not with `withDeadline`:
 * this is the hottest path there is.
 * @throws DatabaseUnavailableError after `deadlineMs`, or when the connection is lost
 */
export function runStatement(
  sql: postgres.Sql,
  statement: CompiledQuery,
  deadlineMs: number,
): Promise<StatementResult> {
  return new Promise((resolve, reject) => {
    const parameters = encodeParameters(statement.parameters) as postgres.ParameterOrJSON<never>[];
    const timer = setTimeout(() => {
      reject(new DatabaseUnavailableError("deadline", `no answer within ${deadlineMs} ms`));
    }, deadlineMs);
    sql.unsafe(statement.sql, parameters, { prepare: true }).then((result) => {
      clearTimeout(timer);
      resolve(toResult(result));
    }, (error: unknown) => {
      clearTimeout(timer);
      reject(toDatabaseError(error));
    });
  });
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
