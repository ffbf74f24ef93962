/**
 * What one ffmpeg delivers: the FLV on its pipes, read into configurations and frames.
 */
import { parseAudioTag } from "../../formats/flv/audio-tag.ts";
import type { FlvTag } from "../../formats/flv/flv-tag.ts";
import { parseVideoTag } from "../../formats/flv/video-tag.ts";

/** Of one track, on ffmpeg's clock; byte arrays are views into the tag. */
export type Encoded =
  /** `avcC` of video, AudioSpecificConfig of audio. */
  | { readonly kind: "config"; readonly config: Uint8Array }
  | {
    readonly kind: "frame";
    readonly engineMs: number;
    readonly isKeyframe: boolean;
    readonly data: Uint8Array;
  };

/** The media in a tag; null when it carries none. */
export function readEncoded({ type, dtsMs: engineMs, body }: FlvTag): Encoded | null {
  if (type === "video") {
    const tag = parseVideoTag(body);
    if (tag.kind === "config") return { kind: "config", config: tag.avcC };
    if (tag.kind !== "frame") return null;
    return { kind: "frame", engineMs, isKeyframe: tag.isFlaggedKeyframe, data: tag.data };
  }
  if (type === "script") return null;
  const tag = parseAudioTag(body);
  if (tag.kind === "config") return { kind: "config", config: tag.asc };
  return tag.kind === "frame"
    ? { kind: "frame", engineMs, isKeyframe: true, data: tag.data }
    : null;
}
