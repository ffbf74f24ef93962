/**
 * One frame of a feed: written as FLV once, when the first viewer needs it, however many there are.
 */
import { stampOf, writeAudioFrame, writeVideoFrame } from "../formats/flv/frame-tags.ts";
import type { FlvSource } from "../formats/flv/flv-preamble.ts";
import type { MediaFrame } from "../formats/media.ts";

export class FlvPacket {
  readonly frame: MediaFrame;
  /** A decoder can begin here; without pictures every frame of sound is a start. */
  readonly isStart: boolean;
  readonly #source: FlvSource;
  #bytes: Uint8Array | null = null;

  constructor(frame: MediaFrame, source: FlvSource) {
    this.frame = frame;
    this.#source = source;
    this.isStart = source.video === null || (frame.track === "video" && frame.isKeyframe);
  }

  get data(): Uint8Array {
    return this.frame.data;
  }

  get dtsMs(): number {
    return stampOf(this.frame).timestampMs;
  }

  /** The tag with its header and PreviousTagSize; the same bytes for every viewer. */
  get bytes(): Uint8Array {
    this.#bytes ??= this.#write();
    return this.#bytes;
  }

  #write(): Uint8Array {
    const { frame } = this;
    const { audio } = this.#source;
    const stamp = stampOf(frame);
    if (frame.track === "video") return writeVideoFrame(frame, stamp);
    if (audio === null) throw new Error("a frame of audio in a feed without audio");
    return writeAudioFrame(frame, audio, stamp.timestampMs);
  }
}
