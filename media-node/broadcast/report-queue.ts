/**
 * What one broadcast has to tell the API, in order and until it is told: the API may be down for
 * longer than the broadcast lasts. A report at which it fails again and again is given up, so that
 * those behind it get their turn.
 */
import { ControlRefusal, ControlUnavailable } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { sleep, withJitter } from "#shared/retry.ts";

/** Waits between tries; the last one is repeated. */
const DELAYS_MS = [500, 1000, 2000, 5000, 10_000, 10_000] as const;

export type Report = {
  /** As it is logged: "started", "ended". */
  readonly name: string;
  readonly send: () => Promise<void>;
  /** The API does not take it: it said no, or failed at it once more than there are delays. */
  readonly onLost?: () => void;
};

export type ReportQueueOptions = {
  readonly log: Logger;
  /** Another node owns the broadcast by now: nothing more is sent. */
  readonly onStale: () => void;
  readonly delaysMs?: readonly number[];
};

export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #delaysMs: readonly number[];
  readonly #abort = new AbortController();
  #tail: Promise<void> = Promise.resolve();
  #isStale = false;

  constructor(options: ReportQueueOptions) {
    this.#options = options;
    this.#delaysMs = options.delaysMs ?? DELAYS_MS;
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
    let faults = 0;
    for (let attempt = 0; !this.#isStale && !this.#abort.signal.aborted; attempt += 1) {
      try {
        return await report.send();
      } catch (error) {
        if (error instanceof ControlRefusal) return this.#refuse(report, error);
        if (isFault(error)) faults += 1;
        if (faults > this.#delaysMs.length) return this.#giveUp(report, error);
        await this.#wait(report, attempt, error);
      }
    }
  }

  #refuse(report: Report, { code, detail }: ControlRefusal): void {
    this.#options.log.warn("report.refused", { report: report.name, code, detail });
    if (code !== "STALE_EPOCH") return report.onLost?.();
    this.#isStale = true;
    this.#options.onStale();
  }

  #giveUp(report: Report, error: unknown): void {
    this.#options.log.error("report.given_up", { report: report.name, reason: messageOf(error) });
    report.onLost?.();
  }

  async #wait(report: Report, attempt: number, error: unknown): Promise<void> {
    const reason = messageOf(error);
    this.#options.log.warn("report.delayed", { report: report.name, attempt, reason });
    const delayMs = withJitter(this.#delaysMs[attempt] ?? this.#delaysMs.at(-1) ?? 0);
    // Closing the queue ends the wait; the loop then sees that it is closed.
    await sleep(delayMs, this.#abort.signal).catch(() => {});
  }
}

/** Not for want of the API: whatever else is thrown is thrown again. */
function isFault(error: unknown): boolean {
  return !(error instanceof ControlUnavailable) || error.isFault;
}
