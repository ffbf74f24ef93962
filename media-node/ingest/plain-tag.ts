/**
 * Enhanced RTMP's way of writing H.264 and AAC, put into the plain FLV every ffmpeg reads.
 * @see Enhanced RTMP v2
 */
import type { FlvTag } from "../formats/media.ts";
import type { AudioTag, VideoTag } from "../formats/flv/flv-tags.ts";

const IS_EXTENDED_VIDEO = 0x80;
const EXTENDED_AUDIO = 9;
const AVC_KEYFRAME = 0x17;
const AVC_INTER_FRAME = 0x27;
/** AAC, with the rate and channels that the format fixes for it: the real ones are in its config. */
const AAC_HEADER = 0xaf;

/** `tag` as it is, or rewritten when its header is an extended one; `parsed` is its content. */
export function toPlainVideoTag<Tag extends FlvTag>(tag: Tag, parsed: VideoTag): Tag {
  if (((tag.body[0] ?? 0) & IS_EXTENDED_VIDEO) === 0) return tag;
  if (parsed.kind === "config") {
    return { ...tag, body: join([AVC_KEYFRAME, 0, 0, 0, 0], parsed.avcC) };
  }
  if (parsed.kind !== "frame") return tag;
  const { isKeyframe, compositionMs, data } = parsed;
  const offset = [compositionMs >> 16, compositionMs >> 8, compositionMs].map((byte) =>
    byte & 0xff
  );
  const header = [isKeyframe ? AVC_KEYFRAME : AVC_INTER_FRAME, 1, ...offset];
  return { ...tag, body: join(header, data) };
}

/** As `toPlainVideoTag`, for audio. */
export function toPlainAudioTag<Tag extends FlvTag>(tag: Tag, parsed: AudioTag): Tag {
  if ((tag.body[0] ?? 0) >> 4 !== EXTENDED_AUDIO) return tag;
  if (parsed.kind === "config") return { ...tag, body: join([AAC_HEADER, 0], parsed.asc) };
  return parsed.kind === "frame" ? { ...tag, body: join([AAC_HEADER, 1], parsed.data) } : tag;
}

function join(header: readonly number[], data: Uint8Array): Uint8Array {
  const body = new Uint8Array(header.length + data.length);
  body.set(header);
  body.set(data, header.length);
  return body;
}
