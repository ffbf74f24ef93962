/**
 * How long the parts of a broadcast are.
 */
import type { Latency } from "#shared/contracts/broadcast.ts";

/** What a part should last, and how much longer than its frames PART-TARGET says it may be. */
const PARTS: Readonly<
  Record<Exclude<Latency, "standard">, { targetMs: number; slackMs: number }>
> = {
  // Frames of a copied source are stamped in whole milliseconds and jitter a little. With few frames
  // in a part, one frame fewer would be below 85 % of the target: hence the wider slack.
  lowest: { targetMs: 200, slackMs: 10 },
  low: { targetMs: 1000 / 3, slackMs: 20 / 3 },
};

/** Of a frame that is a part by itself. */
const SLOW_SLACK = 0.05;

/**
 * PART-TARGET in ms for frames of `frameMs`: a whole number of frames and a slack that one more frame
 * does not fit into, so that every part has the same number of frames. Null without parts.
 */
export function partTargetMsOf(latency: Latency, frameMs: number): number | null {
  if (latency === "standard") return null;
  const { targetMs, slackMs } = PARTS[latency];
  const frames = Math.max(1, Math.round(targetMs / frameMs));
  // Where a frame is longer than a part should be, clocks that jitter by it do so, too.
  const roomMs = frames === 1 ? Math.max(slackMs, frameMs * SLOW_SLACK) : slackMs;
  return Math.ceil(frames * frameMs + Math.min(roomMs, frameMs / 2) - 1e-6);
}
