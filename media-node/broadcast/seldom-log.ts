/**
 * An event that a publisher can make happen as often as it likes, logged once in a while.
 */
import type { LogFields, Logger } from "#shared/log.ts";

const EVERY_MS = 5000;

export class SeldomLog {
  readonly #log: Logger;
  readonly #event: string;
  #saidAtMs = -Infinity;
  #times = 0;

  constructor(log: Logger, event: string) {
    this.#log = log;
    this.#event = event;
  }

  /** It happened, at `nowMs` (performance.now); what is logged says how `times` it did since the last. */
  note(fields: LogFields, nowMs: number): void {
    this.#times += 1;
    if (nowMs - this.#saidAtMs < EVERY_MS) return;
    this.#log.info(this.#event, { ...fields, times: this.#times });
    this.#saidAtMs = nowMs;
    this.#times = 0;
  }
}
