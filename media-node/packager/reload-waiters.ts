/**
 * Those who wait for what a playlist does not have yet: blocking reloads and hinted parts.
 */
import type { ReloadAnswer } from "../hls/msn.ts";

type Waiter = {
  readonly isThere: () => boolean;
  readonly finish: (answer: ReloadAnswer) => void;
};

export class ReloadWaiters {
  readonly #patienceMs: number;
  readonly #waiters = new Set<Waiter>();

  /** `patienceMs`: how long each waits who does not say. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Resolves as soon as `isThere` says so after a change. */
  wait(isThere: () => boolean, deadlineMs = this.#patienceMs): Promise<ReloadAnswer> {
    if (isThere()) return Promise.resolve("ready");
    return new Promise((resolve) => {
      const finish = (answer: ReloadAnswer) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(answer);
      };
      const waiter = { isThere, finish };
      const timer = setTimeout(() => finish("timedOut"), deadlineMs);
      this.#waiters.add(waiter);
    });
  }

  /** Something changed: answers those who have what they wait for. */
  wake(): void {
    for (const waiter of this.#waiters) if (waiter.isThere()) waiter.finish("ready");
  }

  /** Answers everybody as if they had waited long enough. */
  release(): void {
    for (const waiter of this.#waiters) waiter.finish("timedOut");
  }
}
