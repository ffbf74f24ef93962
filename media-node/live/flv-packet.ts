/**
 * One tag of a feed: written as FLV once, when the first viewer needs it, however many there are.
 */
import { isVideoKeyframe } from "../ladder/source-tag.ts";
import { writeFlvTag } from "../formats/flv/flv-writer.ts";
import type { FlvTag } from "../formats/media.ts";

export class FlvPacket {
  readonly tag: FlvTag;
  /** A decoder can begin here. */
  readonly isStart: boolean;
  #bytes: Uint8Array | null = null;

  /** `hasVideo`: whether the feed has pictures; without them every frame of sound is a start. */
  constructor(tag: FlvTag, hasVideo: boolean) {
    this.tag = tag;
    this.isStart = hasVideo ? isVideoKeyframe(tag) : tag.type === "audio";
  }

  get body(): Uint8Array {
    return this.tag.body;
  }

  /** The tag with its header and PreviousTagSize; the same bytes for every viewer. */
  get bytes(): Uint8Array {
    this.#bytes ??= writeFlvTag(this.tag, this.tag.dtsMs);
    return this.#bytes;
  }
}
