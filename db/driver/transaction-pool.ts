/**
 * Connections for transactions: each is a library instance with exactly one connection, so nothing
 * has to be reserved (a `reserve()` hangs when its connection dies or is cold: porsager/postgres#751,
 * #1195) and a lost connection is noticed before the next statement of its transaction, which must
 * never run on the connection that replaces it.
 */
import type { CompiledQuery } from "kysely";
import type postgres from "postgres";
import { DatabaseUnavailableError } from "../errors.ts";
import { runStatement, type StatementResult } from "./statement.ts";

const OWN_TIMEOUT = /^set local statement_timeout = (\d+)$/;
/** How much longer than the server we wait for it to end a statement. */
const SERVER_GRACE_MS = 500;

export type TransactionPoolOptions = {
  /** Opens an instance with one connection that calls `onClose` when that is gone. */
  readonly connect: (onClose: () => void) => postgres.Sql;
  readonly maxConnections: number;
  readonly deadlineMs: number;
  /** How long a transaction waits for a free connection. */
  readonly acquireDeadlineMs: number;
};

/** One connection; its statements run one after the other. */
export class TransactionConnection {
  readonly #sql: postgres.Sql;
  readonly #defaultDeadlineMs: number;
  #deadlineMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #isLost = false;

  constructor(options: Pick<TransactionPoolOptions, "connect" | "deadlineMs">) {
    this.#sql = options.connect(() => {
      this.#isLost = true;
    });
    this.#defaultDeadlineMs = options.deadlineMs;
    this.#deadlineMs = options.deadlineMs;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** @throws DatabaseUnavailableError also for everything after the connection was lost */
  run(statement: CompiledQuery): Promise<StatementResult> {
    const result = this.#last.then(() => this.#run(statement));
    this.#last = result.catch(() => {});
    return result;
  }

  async #run(statement: CompiledQuery): Promise<StatementResult> {
    if (this.#isLost) {
      throw new DatabaseUnavailableError("lost", "the connection of the transaction is gone");
    }
    const [, ownMs] = OWN_TIMEOUT.exec(statement.sql) ?? [];
    if (ownMs !== undefined) this.#deadlineMs = Number(ownMs) + SERVER_GRACE_MS;
    try {
      return await runStatement(this.#sql, statement, this.#deadlineMs);
    } catch (error) {
      if (error instanceof DatabaseUnavailableError && error.kind !== "refused") this.discard();
      throw error;
    }
  }

  /** Makes it ready for the next transaction. */
  reset(): void {
    this.#deadlineMs = this.#defaultDeadlineMs;
  }

  /** Gives it up for good; the server rolls back what was open. */
  discard(): void {
    this.#isLost = true;
    void this.#sql.end({ timeout: 0 });
  }

  async close(timeoutMs: number): Promise<void> {
    this.#isLost = true;
    await this.#sql.end({ timeout: timeoutMs / 1000 });
  }
}

type Waiter = (connection: TransactionConnection) => void;

/** At most `maxConnections` transactions at a time; the rest wait their turn, but not for long. */
export class TransactionPool {
  readonly #options: TransactionPoolOptions;
  readonly #all = new Set<TransactionConnection>();
  readonly #idle: TransactionConnection[] = [];
  readonly #waiters = new Set<Waiter>();
  #isClosed = false;

  constructor(options: TransactionPoolOptions) {
    this.#options = options;
  }

  /** @throws DatabaseUnavailableError when none becomes free in time */
  async acquire(): Promise<TransactionConnection> {
    if (this.#isClosed) throw new DatabaseUnavailableError("refused", "it was closed");
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isLost) return idle;
      this.#all.delete(idle);
    }
    return this.#all.size < this.#options.maxConnections ? this.#open() : await this.#wait();
  }

  /** Takes `connection` back; it must be outside a transaction, or lost. */
  release(connection: TransactionConnection): void {
    connection.reset();
    let next = connection;
    if (connection.isLost) {
      this.#all.delete(connection);
      if (this.#waiters.size === 0 || this.#isClosed) return;
      next = this.#open();
    }
    const [waiter] = this.#waiters;
    if (waiter === undefined) {
      this.#idle.push(next);
      return;
    }
    this.#waiters.delete(waiter);
    waiter(next);
  }

  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#all, (connection) => connection.close(timeoutMs)));
  }

  #open(): TransactionConnection {
    const connection = new TransactionConnection(this.#options);
    this.#all.add(connection);
    return connection;
  }

  #wait(): Promise<TransactionConnection> {
    const { acquireDeadlineMs } = this.#options;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = (connection) => {
        clearTimeout(timer);
        resolve(connection);
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const detail = `no free connection for a transaction within ${acquireDeadlineMs} ms`;
        reject(new DatabaseUnavailableError("deadline", detail));
      }, acquireDeadlineMs);
      this.#waiters.add(waiter);
    });
  }
}
