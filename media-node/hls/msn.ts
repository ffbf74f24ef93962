/**
 * Media sequence numbers, and how a player asks for what has none yet.
 */

/**
 * The number of the first segment of a playlist. Not 0: hls.js (1.7) takes that for no number at all,
 * and loads the parts of such a segment over and over until the player stands still.
 */
export const FIRST_MSN = 1;

/** What a blocking reload asks for: this segment, or this part of it. */
export type ReloadTarget = { readonly msn: number; readonly part: number | null };

export type ReloadAnswer = "ready" | "tooFar" | "timedOut";
