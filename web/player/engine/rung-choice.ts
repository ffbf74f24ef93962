/**
 * Which rendition a line carries, told from how long the last media was under way. Pure.
 */

/** Something that has come, or is on its way. */
export type Delivery = {
  readonly bytes: number;
  /** From its first byte on: before, the server may have waited for it to be made. */
  readonly tookMs: number;
  /** What of it can be played. */
  readonly mediaMs: number;
};

export type LineRate = {
  readonly bps: number;
  /** How long media takes to come, as a share of the time it plays: above 1 the buffer runs dry. */
  readonly load: number;
};

/** So much media tells what a line carries. */
const WINDOW_MS = 900;

/** The last of `deliveries` that tell, oldest first. */
export function recent(deliveries: readonly Delivery[]): readonly Delivery[] {
  let mediaMs = 0;
  const first = deliveries.findLastIndex((delivery) => (mediaMs += delivery.mediaMs) >= WINDOW_MS);
  return first === -1 ? deliveries : deliveries.slice(first);
}

/** Null: nothing has been under way. */
export function measureLine(deliveries: readonly Delivery[]): LineRate | null {
  const sum = (of: (delivery: Delivery) => number) =>
    deliveries.reduce((total, delivery) => total + of(delivery), 0);
  const tookMs = sum((delivery) => delivery.tookMs);
  if (tookMs <= 0) return null;
  const mediaMs = Math.max(1, sum((delivery) => delivery.mediaMs));
  return { bps: sum(({ bytes }) => bytes) * 8000 / tookMs, load: tookMs / mediaMs };
}

/** Of what a line carries, a rendition may take so much. */
const SHARE = 0.8;
/** The same for a larger one to be tried: its keyframes take longer than their share. */
const ROOMY_SHARE = 0.65;
/** A line has room for more when that comes in so much of the time it plays. */
const EASY_LOAD = 0.5;

/** Within a segment all of it comes again in the other rendition: that is to take no longer. */
const MAX_AGAIN_S = 0.5;

/**
 * The rendition to step down to from `level` when `againS` of media come again; `bitratesBps` rise.
 * `level` itself: nothing is less.
 */
export function fittingLevel(
  bitratesBps: readonly number[],
  level: number,
  bps: number,
  againS = 0,
): number {
  const mostBps = bps * Math.min(SHARE, againS > 0 ? MAX_AGAIN_S / againS : Infinity);
  const fitting = bitratesBps.findLastIndex((bitrateBps) => bitrateBps <= mostBps);
  return Math.max(0, Math.min(level - 1, fitting));
}

/** The largest rendition that would come with room to spare; -1: none would. */
export function roomyLevel(bitratesBps: readonly number[], { bps, load }: LineRate): number {
  if (load > EASY_LOAD) return -1;
  return bitratesBps.findLastIndex((bitrateBps) => bitrateBps <= bps * ROOMY_SHARE);
}
