/**
 * Whether a write failed because there is no room.
 */

/** @see errno(3): no space on the device, or none left of what its user may have */
const NO_ROOM: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/** Looks through the causes of `error`. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && NO_ROOM.has(error.code)) || isDiskFull(error.cause);
}
