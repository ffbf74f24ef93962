/**
 * What stands before the first frame of an FLV stream: file header, metadata, decoder configurations.
 * @see Adobe Flash Video File Format Specification 10.1, annex E
 */
import type { SourceFacts } from "#shared/contracts/broadcast.ts";
import type { AudioTrack, VideoTrack } from "../media.ts";
import { encodeAmf0 } from "./amf0.ts";
import { writeFlvHeader, writeFlvTag } from "./flv-writer.ts";
import { writeAudioHeader, writeVideoHeader } from "./frame-tags.ts";

/** One run of the publisher's encoder. */
export type FlvSource = {
  readonly facts: SourceFacts;
  readonly video: VideoTrack | null;
  readonly audio: AudioTrack | null;
  /** Wall clock (Unix ms) of time zero of the broadcast's timeline, as of this run. */
  readonly wallClockAtZeroMs: number;
};

/** Codec ids of onMetaData; the only two that have a header. */
const H264 = 7;
const AAC = 10;

/**
 * The bytes for a viewer whose first frame is at `firstDtsMs`. Players start their clock there, so
 * the metadata's `startsAtMs` (Unix ms) tells them what time it was: the way to a true latency.
 */
export function writePreamble(source: FlvSource, firstDtsMs: number): Uint8Array {
  const { facts, video, audio } = source;
  const body = encodeAmf0("onMetaData", {
    duration: 0,
    hasVideo: video !== null,
    hasAudio: audio !== null,
    ...describeVideo(facts.video),
    ...describeAudio(facts.audio, audio?.kind === "aac"),
    startsAtMs: Math.round(source.wallClockAtZeroMs + firstDtsMs),
  });
  const headers = [
    video === null ? null : writeVideoHeader(video, firstDtsMs),
    audio === null ? null : writeAudioHeader(audio, firstDtsMs),
  ];
  return Buffer.concat([
    writeFlvHeader({ hasVideo: video !== null, hasAudio: audio !== null }),
    // ffmpeg takes a script at any other time than 0 for subtitles.
    writeFlvTag({ type: "script", dtsMs: 0, body }, 0),
    ...headers.filter((header) => header !== null),
  ]);
}

function describeVideo(video: SourceFacts["video"]): Record<string, number> {
  if (video === null) return {};
  const { width, height, fps } = video;
  return { width, height, videocodecid: H264, ...(fps === null ? {} : { framerate: fps }) };
}

function describeAudio(audio: SourceFacts["audio"], isAac: boolean): Record<string, number> {
  if (audio === null || !isAac) return {};
  return { audiocodecid: AAC, audiosamplerate: audio.sampleRateHz, audiochannels: audio.channels };
}
