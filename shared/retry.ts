/**
 * Deadlines and retries. Nothing in Sluice waits without one of these.
 */

/** A wait that took longer than it may. */
export class DeadlineError extends Error {
  readonly deadlineMs: number;
  constructor(what: string, deadlineMs: number) {
    super(`${what} took longer than ${deadlineMs} ms`);
    this.name = "DeadlineError";
    this.deadlineMs = deadlineMs;
  }
}

/** Resolves after `ms`, or rejects with the signal's reason when it is aborted first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * The value of `promise`, or a DeadlineError after `deadlineMs`.
 * The promise itself goes on: pass a signal to what it does when that matters.
 */
export async function withDeadline<T>(
  what: string,
  deadlineMs: number,
  promise: Promise<T>,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, deadlineMs)), deadlineMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

export type RetryOptions = {
  /** Waits between attempts; its length + 1 is the number of attempts. */
  readonly delaysMs: readonly number[];
  readonly isRetryable: (error: unknown) => boolean;
  readonly signal?: AbortSignal;
};

/** The first success of `attempt`; else the last error, or the first one that is not retryable. */
export async function retry<T>(
  attempt: (attemptNumber: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  for (let number = 1;; number += 1) {
    try {
      return await attempt(number);
    } catch (error) {
      const delayMs = options.delaysMs[number - 1];
      if (delayMs === undefined || !options.isRetryable(error)) throw error;
      await sleep(withJitter(delayMs), options.signal);
    }
  }
}

/** `ms` ± 20 %, so that many retriers do not knock in step. */
export function withJitter(ms: number): number {
  return ms * (0.8 + Math.random() * 0.4);
}
