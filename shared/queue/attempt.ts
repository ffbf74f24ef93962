/**
 * One attempt at a job: what both queues do around the handler.
 */
import type { QueuedJob } from "../contracts/jobs.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { withDeadline } from "../retry.ts";
import { type ConsumeOptions, PoisonJobError } from "./port.ts";

export type RetryPolicy = {
  /** Waits between attempts; its length + 1 is the number of attempts. */
  readonly retryDelaysMs: readonly number[];
  /** An attempt that takes longer counts as failed. */
  readonly attemptDeadlineMs: number;
};

/** Three attempts: at once, after 1 s, after another 10 s. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  retryDelaysMs: [1000, 10_000],
  attemptDeadlineMs: 60_000,
};

/**
 * The same for jobs about whole recordings. RabbitMQ takes a job back that nobody has acknowledged
 * for 30 minutes.
 */
export const MEDIA_RETRY_POLICY: RetryPolicy = {
  ...DEFAULT_RETRY_POLICY,
  attemptDeadlineMs: 25 * 60_000,
};

/** What becomes of a job after an attempt. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "retry"; readonly delayMs: number; readonly reason: string }
  | { readonly kind: "dead"; readonly reason: string }
  /** The queue stopped under it: it stays where it is and the attempt does not count. */
  | { readonly kind: "interrupted" };

export type AttemptOptions = {
  readonly queued: QueuedJob;
  readonly attempt: number;
  readonly handle: ConsumeOptions["handle"];
  readonly policy: RetryPolicy;
  /** Aborted when the queue no longer waits for its jobs. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
};

/** Runs the handler once, within its deadline, and says what becomes of the job. Never throws. */
export async function runAttempt(options: AttemptOptions): Promise<Outcome> {
  const { queued, attempt, policy, stopping } = options;
  const log = options.log.with({ job: queued.id, kind: queued.job.kind, attempt });
  const delayMs = policy.retryDelaysMs[attempt - 1];
  const overdue = new AbortController();
  const startedMs = Date.now();
  try {
    const handled = options.handle({
      queued,
      attempt,
      isLastAttempt: delayMs === undefined,
      signal: AbortSignal.any([stopping, overdue.signal]),
    });
    await withDeadline("the attempt", policy.attemptDeadlineMs, untilAborted(handled, stopping));
    log.debug("job.done", { durationMs: Date.now() - startedMs });
    return { kind: "done" };
  } catch (error) {
    if (stopping.aborted) return { kind: "interrupted" };
    overdue.abort(error);
    const reason = messageOf(error);
    if (error instanceof PoisonJobError || delayMs === undefined) {
      log.error("job.dead", { error });
      return { kind: "dead", reason };
    }
    log.warn("job.failed", { reason, retryInMs: delayMs });
    return { kind: "retry", delayMs, reason };
  }
}

/** `promise`, or a rejection with the signal's reason when it is aborted first. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
