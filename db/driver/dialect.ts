/**
 * Our Kysely dialect: plain statements go to the query pool, a transaction gets a connection of its
 * own. A connection that Kysely acquires is therefore no session: outside a transaction two
 * statements may run anywhere, so session state (`set`, session locks) belongs into transactions.
 */
import {
  AbortedTransactionError,
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from "kysely";
import { retry } from "#shared/retry.ts";
import { DatabaseUnavailableError } from "../errors.ts";
import type { QueryPool } from "./query-pool.ts";
import { isPlainRead } from "./statement.ts";
import type { TransactionConnection, TransactionPool } from "./transaction-pool.ts";

export type DialectOptions = {
  readonly queries: QueryPool;
  readonly transactions: TransactionPool;
  readonly closeDeadlineMs: number;
};

const LOST_CONNECTION_RETRY = {
  delaysMs: [30, 150],
  isRetryable: (error: unknown) =>
    error instanceof DatabaseUnavailableError && error.kind === "lost",
};

export function createDialect(options: DialectOptions): Dialect {
  return {
    createDriver: () => new PoolsDriver(options),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new Adapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

/** Kysely's, but migrations are locked by the transaction they run in (migrate.ts). */
class Adapter extends PostgresAdapter {
  override acquireMigrationLock(): Promise<void> {
    return Promise.resolve();
  }
  override releaseMigrationLock(): Promise<void> {
    return Promise.resolve();
  }
}

class Connection implements DatabaseConnection {
  readonly #queries: QueryPool;
  transaction: TransactionConnection | undefined;

  constructor(queries: QueryPool) {
    this.#queries = queries;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const run = () => this.transaction?.run(query) ?? this.#queries.run(query);
    const isRetried = this.transaction === undefined && isPlainRead(query.query);
    const result = await (isRetried ? retry(run, LOST_CONNECTION_RETRY) : run());
    return result as QueryResult<R>;
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("rows are not streamed here: read pages by id");
  }
}

class PoolsDriver implements Driver {
  readonly #options: DialectOptions;

  constructor(options: DialectOptions) {
    this.#options = options;
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(new Connection(this.#options.queries));
  }

  /** A lost connection is noticed at the latest by `begin`; nothing has happened yet, so retried. */
  async beginTransaction(connection: Connection, settings: TransactionSettings): Promise<void> {
    connection.transaction = await retry(() => this.#begin(settings), LOST_CONNECTION_RETRY);
  }

  async #begin(settings: TransactionSettings): Promise<TransactionConnection> {
    const transaction = await this.#options.transactions.acquire();
    try {
      await transaction.run(CompiledQuery.raw(renderBegin(settings)));
      return transaction;
    } catch (error) {
      transaction.discard();
      this.#options.transactions.release(transaction);
      throw error;
    }
  }

  async commitTransaction(connection: Connection): Promise<void> {
    const result = await connection.transaction?.run(CompiledQuery.raw("commit"));
    // The server answers COMMIT with ROLLBACK when a statement had failed.
    if (result?.command === "ROLLBACK") throw new AbortedTransactionError();
  }

  /** On a lost connection the server has rolled back already. */
  async rollbackTransaction(connection: Connection): Promise<void> {
    const { transaction } = connection;
    if (transaction === undefined || transaction.isLost) return;
    try {
      await transaction.run(CompiledQuery.raw("rollback"));
    } catch {
      // The transaction failed with an error of its own, which is the one to report.
      transaction.discard();
    }
  }

  releaseConnection(connection: Connection): Promise<void> {
    if (connection.transaction !== undefined) {
      this.#options.transactions.release(connection.transaction);
      connection.transaction = undefined;
    }
    return Promise.resolve();
  }

  async destroy(): Promise<void> {
    const { queries, transactions, closeDeadlineMs } = this.#options;
    await Promise.all([queries.close(closeDeadlineMs), transactions.close(closeDeadlineMs)]);
  }
}

function renderBegin({ isolationLevel, accessMode }: TransactionSettings): string {
  const isolation = isolationLevel === undefined ? "" : ` isolation level ${isolationLevel}`;
  return `begin${isolation}${accessMode === undefined ? "" : ` ${accessMode}`}`;
}
