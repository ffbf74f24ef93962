/**
 * The database as a value: a typed query builder that survives lost connections, restarts and a
 * frozen server, and says so with one error type.
 */
import { CompiledQuery, Kysely } from "kysely";
import { DeadlineError, withDeadline } from "#shared/retry.ts";
import { createDialect } from "./driver/dialect.ts";
import { DatabaseUnavailableError } from "./errors.ts";
import { QueryPool } from "./driver/query-pool.ts";
import type { Database } from "./schema.ts";
import { TransactionPool } from "./driver/transaction-pool.ts";
import { connectPostgres } from "./driver/wire.ts";

export type DatabaseOptions = {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /**
   * Connections in all, made when they are needed, default 12: half of them, but at most four, are
   * for transactions. With eight for plain statements one core is kept busy; more only wait.
   */
  readonly poolSize?: number;
  /** Longest time for one statement, default 5000. */
  readonly queryDeadlineMs?: number;
  /** Longest wait of a transaction for its connection, default 3000. */
  readonly acquireDeadlineMs?: number;
  /** Longest time to connect, default 3000. */
  readonly connectDeadlineMs?: number;
  /** As the server lists us, default `sluice`. */
  readonly applicationName?: string;
};

export type DatabaseClient = {
  readonly db: Kysely<Database>;
  /** One round trip within `deadlineMs` (default 1000). @throws DatabaseUnavailableError */
  ping(deadlineMs?: number): Promise<void>;
  /** Waits up to two seconds for running statements, then closes every connection. */
  close(): Promise<void>;
};

const CLOSE_DEADLINE_MS = 2000;
const IDLE_MS = 30_000;
/** How much longer than the server we wait for it to end a statement. */
const SERVER_GRACE_MS = 500;

/**
 * A client for the Postgres at `url`. It connects at the first query and never gives up: while the
 * server is away, queries throw DatabaseUnavailableError, and work again once it is back.
 */
export function createDatabase(options: DatabaseOptions): DatabaseClient {
  const { poolSize = 12, queryDeadlineMs = 5000 } = options;
  const forTransactions = Math.max(1, Math.min(4, Math.floor(poolSize / 2)));
  const connect = (maxConnections: number, onClose?: () => void) =>
    connectPostgres({
      url: options.url,
      maxConnections,
      connectDeadlineMs: options.connectDeadlineMs ?? 3000,
      statementDeadlineMs: queryDeadlineMs,
      applicationName: options.applicationName ?? "sluice",
      idleMs: IDLE_MS,
      onClose,
    });
  const deadlineMs = queryDeadlineMs + SERVER_GRACE_MS;
  const queries = new QueryPool({
    connect: () => connect(Math.max(1, poolSize - forTransactions)),
    deadlineMs,
  });
  const transactions = new TransactionPool({
    connect: (onClose) => connect(1, onClose),
    maxConnections: forTransactions,
    deadlineMs,
    acquireDeadlineMs: options.acquireDeadlineMs ?? 3000,
  });
  const db = new Kysely<Database>({
    dialect: createDialect({ queries, transactions, closeDeadlineMs: CLOSE_DEADLINE_MS }),
  });
  return {
    db,
    ping: async (pingDeadlineMs = 1000) => {
      try {
        await withDeadline("ping", pingDeadlineMs, queries.run(CompiledQuery.raw("select 1")));
      } catch (error) {
        if (!(error instanceof DeadlineError)) throw error;
        throw new DatabaseUnavailableError("deadline", error.message, error);
      }
    },
    close: async () => {
      await db.destroy();
      // Kysely does not reach the driver of an instance that never ran a query.
      await queries.close(CLOSE_DEADLINE_MS);
    },
  };
}
