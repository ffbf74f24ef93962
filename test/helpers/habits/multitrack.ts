/**
 * Habits of Enhanced RTMP: tracks beside the first, and the first one wrapped as one of many.
 * @see Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video"
 */
import { contentOf, type Habit, isHeader, type WireTag } from "./wire-tag.ts";

const ONE_TRACK = 0;
const MANY_TRACKS = 1;
const SEQUENCE_START = 0;
const CODED_FRAMES = 1;
const EX_AUDIO = 9 << 4;
const EX_VIDEO = 0x80;
const AUDIO_MULTITRACK = 5;
const VIDEO_MULTITRACK = 6;

/** A legacy AVC or AAC tag as one track of a multitrack tag. */
function wrap(tag: WireTag, kind: number, trackId: number): WireTag {
  const isVideo = tag.type === "video";
  const packetType = isHeader(tag) ? SEQUENCE_START : CODED_FRAMES;
  const first = isVideo
    ? EX_VIDEO | ((tag.body[0] ?? 0) & 0x70) | VIDEO_MULTITRACK
    : EX_AUDIO | AUDIO_MULTITRACK;
  // Coded frames of AVC keep their composition time.
  const composition = isVideo && packetType === CODED_FRAMES ? tag.body.subarray(2, 5) : "";
  const media = Buffer.concat([Buffer.from(composition), contentOf(tag)]);
  const size = Buffer.alloc(kind === ONE_TRACK ? 0 : 3);
  if (size.length > 0) size.writeUIntBE(media.length, 0, 3);
  const head = Buffer.from([first, (kind << 4) | packetType]);
  const codec = Buffer.from(isVideo ? "avc1" : "mp4a");
  return { ...tag, body: Buffer.concat([head, codec, Buffer.of(trackId), size, media]) };
}

/** A second track with this id beside every tag of a track: OBS's VOD track, further videos. */
export function addTrack(track: "audio" | "video", trackId: number): Habit {
  return (tags) =>
    tags.flatMap((tag) => (tag.type === track ? [tag, wrap(tag, ONE_TRACK, trackId)] : [tag]));
}

/** The only track of its kind, called track 0 of many. */
export function wrapFirst(track: "audio" | "video"): Habit {
  return (tags) => tags.map((tag) => (tag.type === track ? wrap(tag, MANY_TRACKS, 0) : tag));
}
