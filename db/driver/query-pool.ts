/**
 * Statements outside transactions: one library instance that pipelines over a few connections, and
 * is replaced as a whole when one of them dies.
 *
 * Why replaced: after a connection broke at the wrong moment the library may keep half a message
 * for it, and every later attempt on that connection then waits for ever (porsager/postgres#1219).
 */
import type { CompiledQuery } from "kysely";
import type postgres from "postgres";
import { DatabaseUnavailableError } from "../errors.ts";
import { runStatement, type StatementResult } from "./statement.ts";

/** How long running statements of a replaced instance may take to finish. */
const RETIRE_MS = 1000;
/** Pause after an instance that could not connect at all, so that an outage costs little. */
const PAUSE_MS = 100;

export type QueryPoolOptions = {
  readonly connect: () => postgres.Sql;
  readonly deadlineMs: number;
};

type Instance = { readonly sql: postgres.Sql; isProven: boolean };

export class QueryPool {
  readonly #options: QueryPoolOptions;
  #instance: Instance | undefined;
  #pausedUntilMs = 0;
  #lastError: unknown;
  #isClosed = false;

  constructor(options: QueryPoolOptions) {
    this.#options = options;
  }

  /** @throws DatabaseUnavailableError */
  async run(statement: CompiledQuery): Promise<StatementResult> {
    const instance = this.#open();
    try {
      const result = await runStatement(instance.sql, statement, this.#options.deadlineMs);
      instance.isProven = true;
      return result;
    } catch (error) {
      if (error instanceof DatabaseUnavailableError && error.kind !== "refused") {
        this.#replace(instance, error);
      }
      throw error;
    }
  }

  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    await this.#instance?.sql.end({ timeout: timeoutMs / 1000 });
  }

  #open(): Instance {
    if (this.#isClosed) throw new DatabaseUnavailableError("refused", "it was closed");
    if (this.#instance !== undefined) return this.#instance;
    if (performance.now() < this.#pausedUntilMs) {
      throw new DatabaseUnavailableError("lost", "it was so a moment ago", this.#lastError);
    }
    this.#instance = { sql: this.#options.connect(), isProven: false };
    return this.#instance;
  }

  #replace(instance: Instance, error: DatabaseUnavailableError): void {
    if (this.#instance !== instance) return;
    this.#instance = undefined;
    this.#lastError = error;
    if (!instance.isProven) this.#pausedUntilMs = performance.now() + PAUSE_MS;
    void instance.sql.end({ timeout: instance.isProven ? RETIRE_MS / 1000 : 0 });
  }
}
