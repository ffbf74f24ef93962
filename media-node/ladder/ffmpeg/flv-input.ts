/**
 * What ffmpeg reads on its stdin: a source as FLV, which every ffmpeg demuxes at once and without
 * guessing. The only place where frames become tags.
 * @see Adobe Flash Video File Format Specification 10.1, annex E.4
 */
import { writeFlvHeader, writeFlvParts, writeFlvTag } from "../../formats/flv/flv-writer.ts";
import { writeFrameRate } from "../../formats/flv/metadata-tag.ts";
import { type MediaFrame, ptsTicksOf } from "../../formats/media.ts";
import type { EngineClock } from "../engine-clock.ts";
import type { EngineStart } from "../engine.ts";

/** Frame type and codec, AVC packet type. */
const AVC_HEADER = [0x17, 0, 0, 0, 0];
const AVC_KEYFRAME = 0x17;
const AVC_INTER_FRAME = 0x27;
const AVC_NALUS = 1;

export type InputTracks = Pick<EngineStart, "video" | "audio">;

/** Everything before the first frame. `fps`: the rate to announce; null: none. */
export function writeInputHeader({ video, audio }: InputTracks, fps: number | null): Uint8Array {
  const parts = [writeFlvHeader({ hasVideo: video !== null, hasAudio: audio !== null })];
  if (fps !== null) parts.push(writeFlvTag(writeFrameRate(fps), 0));
  if (video !== null) {
    const data = video.config.avcC;
    parts.push(writeFlvParts({ type: "video", timestampMs: 0, head: AVC_HEADER, data }));
  }
  return Buffer.concat(parts);
}

/** One frame on the clock of ffmpeg. */
export function writeInputFrame(
  frame: MediaFrame,
  clock: Pick<EngineClock, "toEngineMs">,
  { audio }: Pick<InputTracks, "audio">,
): Uint8Array {
  const { track: type, data } = frame;
  const timestampMs = clock.toEngineMs(frame.dtsTicks);
  if (type === "audio") {
    const head = audio === null ? [] : [audio.flvFormat];
    return writeFlvParts({ type, timestampMs, head, data });
  }
  const compositionMs = clock.toEngineMs(ptsTicksOf(frame)) - timestampMs;
  const offset = [compositionMs >> 16, compositionMs >> 8, compositionMs].map((byte) =>
    byte & 0xff
  );
  const head = [frame.isKeyframe ? AVC_KEYFRAME : AVC_INTER_FRAME, AVC_NALUS, ...offset];
  return writeFlvParts({ type, timestampMs, head, data });
}
