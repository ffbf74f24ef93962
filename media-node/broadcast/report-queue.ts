/**
 * What one broadcast has to tell the API, in order and until it is told: the API may be down for
 * longer than the broadcast lasts.
 */
import { ControlRefusal } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { sleep, withJitter } from "#shared/retry.ts";

const DELAYS_MS = [500, 1000, 2000, 5000] as const;
const LAST_DELAY_MS = 10_000;

export type Report = {
  /** As it is logged: "started", "ended". */
  readonly name: string;
  readonly send: () => Promise<void>;
};

export type ReportQueueOptions = {
  readonly log: Logger;
  /** Another node owns the broadcast by now: nothing more is sent. */
  readonly onStale: () => void;
};

export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #abort = new AbortController();
  #tail: Promise<void> = Promise.resolve();
  #isStale = false;

  constructor(options: ReportQueueOptions) {
    this.#options = options;
  }

  add(report: Report): void {
    this.#tail = this.#tail.then(() => this.#deliver(report));
  }

  /** Resolves when all that was added is delivered, refused or given up. */
  get drained(): Promise<void> {
    return this.#tail;
  }

  /** Gives up what is not delivered yet. */
  close(): void {
    this.#abort.abort(new Error("the report queue was closed"));
  }

  async #deliver(report: Report): Promise<void> {
    for (let attempt = 0; !this.#isStale && !this.#abort.signal.aborted; attempt += 1) {
      try {
        return await report.send();
      } catch (error) {
        if (error instanceof ControlRefusal) return this.#refuse(report, error);
        await this.#wait(report, attempt, error);
      }
    }
  }

  #refuse(report: Report, { code, detail }: ControlRefusal): void {
    this.#options.log.warn("report.refused", { report: report.name, code, detail });
    if (code !== "STALE_EPOCH") return;
    this.#isStale = true;
    this.#options.onStale();
  }

  async #wait(report: Report, attempt: number, error: unknown): Promise<void> {
    const reason = messageOf(error);
    this.#options.log.warn("report.delayed", { report: report.name, attempt, reason });
    const delayMs = withJitter(DELAYS_MS[attempt] ?? LAST_DELAY_MS);
    // Closing the queue ends the wait; the loop then sees that it is closed.
    await sleep(delayMs, this.#abort.signal).catch(() => {});
  }
}
