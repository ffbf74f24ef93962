/**
 * The times of a clip. Its segments are those of a recording, with the times they have there; players
 * begin at the first of them, but a tool that writes them into one file takes them as they are.
 */
import { readStartTimes, readTrackClocks } from "#shared/hls/fragment-times.ts";
import {
  placed,
  type RecordedPlaylist,
  type RecordedSegment,
} from "#shared/hls/recorded-playlist.ts";

/** When the media of a segment begins in its recording, in seconds; null when it does not say. */
export type ReadStart = (segment: RecordedSegment) => Promise<number | null>;

/** `playlist` with its segments moved one behind the other, from 0 on, also over discontinuities. */
export async function startAtZero(
  playlist: RecordedPlaylist,
  readStart: ReadStart,
): Promise<RecordedPlaylist> {
  const segments: RecordedSegment[] = [];
  let shiftMs = 0;
  for (const { segment, startS: positionS } of placed(playlist.segments)) {
    if (segments.length === 0 || segment.isDiscontinuous) {
      const startS = await readStart(segment);
      shiftMs = startS === null ? 0 : Math.round(positionS * 1000) - Math.floor(startS * 1000);
    }
    segments.push({ ...segment, shiftMs });
  }
  return { ...playlist, segments };
}

/** Of the track that begins first. */
export function startOf(init: Uint8Array, segment: Uint8Array): number | null {
  const starts = [...readStartTimes(segment, readTrackClocks(init)).values()];
  return starts.length === 0 ? null : Math.min(...starts);
}
