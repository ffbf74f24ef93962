/**
 * A limit on failed attempts per key, in bounded memory.
 */
import { AppError } from "#shared/errors.ts";

export type AttemptLimitOptions = {
  readonly maxFailures: number;
  readonly windowMs: number;
  /** Keys remembered; the oldest is forgotten first. */
  readonly maxKeys: number;
  readonly clock: () => Date;
};

export type AttemptLimit = {
  /**
   * Runs `attempt` unless its key failed too often within the window. Attempts of one key run one
   * after the other, so that a burst cannot outrun the count.
   * @throws AppError RATE_LIMITED
   */
  run(key: string, attempt: () => Promise<boolean>): Promise<boolean>;
};

type Entry = { failures: number; resetAtMs: number; waiting: number; tail: Promise<unknown> };

const MAX_WAITING = 100;

export function createAttemptLimit(options: AttemptLimitOptions): AttemptLimit {
  const { maxFailures, windowMs, maxKeys } = options;
  const entries = new Map<string, Entry>();
  const nowMs = () => options.clock().getTime();

  const entryFor = (key: string): Entry => {
    const known = entries.get(key);
    if (known !== undefined) return known;
    for (const oldest of entries.keys()) {
      if (entries.size < maxKeys) break;
      entries.delete(oldest);
    }
    const entry = { failures: 0, resetAtMs: 0, waiting: 0, tail: Promise.resolve() };
    entries.set(key, entry);
    return entry;
  };

  const takeTurn = async (entry: Entry, attempt: () => Promise<boolean>): Promise<boolean> => {
    if (nowMs() >= entry.resetAtMs) entry.failures = 0;
    if (entry.failures >= maxFailures) throw limited(entry.resetAtMs - nowMs());
    const isSuccess = await attempt();
    if (isSuccess) entry.failures = 0;
    else {
      if (entry.failures === 0) entry.resetAtMs = nowMs() + windowMs;
      entry.failures += 1;
    }
    return isSuccess;
  };

  return {
    run: async (key, attempt) => {
      const entry = entryFor(key);
      if (entry.waiting >= MAX_WAITING) throw limited(1000);
      entry.waiting += 1;
      const turn = entry.tail.then(() => takeTurn(entry, attempt)).finally(() => {
        entry.waiting -= 1;
        if (entry.waiting === 0 && entry.failures === 0) entries.delete(key);
      });
      entry.tail = turn.catch(() => undefined);
      return await turn;
    },
  };
}

function limited(waitMs: number): AppError {
  const retryAfterS = Math.max(1, Math.ceil(waitMs / 1000));
  return new AppError("RATE_LIMITED", `too many failed attempts, try again in ${retryAfterS} s`, {
    retryAfterS,
  });
}
