/**
 * A segment of a rendition as MPEG transport stream: the same samples at the same times.
 */
import { splitNals } from "../codecs/nal-units.ts";
import { readEsds } from "../mp4/codec-strings.ts";
import { VIDEO_TIMESCALE } from "../media.ts";
import { BoxError, findBox } from "../mp4/boxes.ts";
import { NON_SYNC_SAMPLE } from "../mp4/fragment-writer.ts";
import { type InitTrack, readInitTracks, readSegmentRuns } from "../mp4/segment-runs.ts";
import { adtsHeaderOf } from "./adts.ts";
import { type TsUnit, writeTransportStream } from "./ts-writer.ts";

/** What stands before the boxes in an `mp4a` sample entry, its own header included. */
const AUDIO_ENTRY_BYTES = 8 + 28;
const START_CODE = Uint8Array.of(0, 0, 0, 1);
const DELIMITER = Uint8Array.of(...START_CODE, 9, 0xf0);

/** @throws BoxError when the two are not what they should be */
export function segmentAsTs(init: Uint8Array, segment: Uint8Array): Uint8Array<ArrayBuffer> {
  const tracks = readInitTracks(init);
  const units: TsUnit[] = [];
  for (const { trackId, decodeTicks, samples, offset } of readSegmentRuns(segment)) {
    const track = tracks.find((one) => one.trackId === trackId);
    if (track === undefined) throw new BoxError(`track ${trackId} has no description`);
    const wrap = wrapperOf(track);
    const scale = VIDEO_TIMESCALE / track.timescale;
    let [ticks, start] = [decodeTicks, offset];
    for (const { duration, size, flags, compositionOffset } of samples) {
      const dtsTicks = Math.round(ticks * scale);
      units.push({
        track: track.kind,
        dtsTicks,
        ptsTicks: dtsTicks + Math.round(compositionOffset * scale),
        isRandomAccess: (flags & NON_SYNC_SAMPLE) === 0,
        data: wrap(segment.subarray(start, start + size)),
      });
      ticks += duration;
      start += size;
    }
  }
  const has = (kind: InitTrack["kind"]) => tracks.some((track) => track.kind === kind);
  return writeTransportStream({ hasVideo: has("video"), hasAudio: has("audio") }, units);
}

function wrapperOf({ kind, sampleEntry }: InitTrack): (data: Uint8Array) => Uint8Array {
  if (kind === "video") return annexB;
  const esds = findBox(sampleEntry.subarray(AUDIO_ENTRY_BYTES), ["esds"]);
  if (esds === undefined) throw new BoxError("an audio track has no esds");
  const { config } = readEsds(esds.body);
  return (data) => Buffer.concat([adtsHeaderOf(config, data.length), data]);
}

/** @see ISO/IEC 14496-10 annex B */
function annexB(data: Uint8Array): Uint8Array {
  const nals = splitNals(data, 4);
  if (nals === null) throw new BoxError("the lengths of a sample do not add up");
  const hasDelimiter = ((nals[0]?.[0] ?? 0) & 0x1f) === 9;
  return Buffer.concat([
    ...(hasDelimiter ? [] : [DELIMITER]),
    ...nals.flatMap((nal) => [START_CODE, nal]),
  ]);
}
