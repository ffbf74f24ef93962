/**
 * What of a broadcast must be there before a player can begin with its media playlist. Pure.
 */
import { FIRST_MSN, type ReloadTarget } from "../hls/msn.ts";

/**
 * GStreamer's HLS demuxer (1.22) looks for its place in an updated playlist by every segment of the
 * old one except the first: after a playlist of one segment it finds none and stands still for good.
 */
const NEEDS_TWO_SEGMENTS = /\bGStreamer\b/;

/** Null: anything to play. `takesParts`: the player said that parts alone will do. */
export function startNeedOf(
  takesParts: boolean,
  userAgent: string | undefined,
): ReloadTarget | null {
  if (NEEDS_TWO_SEGMENTS.test(userAgent ?? "")) return { msn: FIRST_MSN + 1, part: null };
  // Players that know nothing of parts cannot use a playlist without a segment.
  return takesParts ? null : { msn: FIRST_MSN, part: null };
}
