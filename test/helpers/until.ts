/**
 * Waiting in tests: for a condition, never for a time.
 */

const POLL_MS = 20;

/**
 * The first truthy value of `condition`, asked every 20 ms.
 * @throws Error after `deadlineMs`, with the last error of `condition` as its cause
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  deadlineMs: number,
): Promise<NonNullable<T>> {
  const end = Date.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > end) throw new Error(`not true within ${deadlineMs} ms`, { cause });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
