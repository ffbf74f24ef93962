/**
 * Pictures where the ladder makes none: of a source that is only copied, or whose engine is gone. Its
 * keyframes are decoded instead, one every few seconds.
 */
import type { Logger } from "#shared/log.ts";
import { type MediaFrame, ptsTicksOf, TICKS_PER_MS, type VideoTrack } from "../formats/media.ts";
import type { FrameModeFlag } from "../ladder/ffmpeg/frame-mode.ts";
import { KeyframePictures } from "../ladder/ffmpeg/keyframe-pictures.ts";
import { PICTURE_INTERVAL_MS } from "../ladder/ffmpeg/picture-args.ts";
import type { PictureSize } from "../ladder/picture-size.ts";

export type SparePicturesOptions = {
  readonly ffmpegPath: string;
  readonly frameModeFlag?: FrameModeFlag | undefined;
  /** Of the pictures; null before there is video. */
  readonly sizeOf: () => PictureSize | null;
  /** A JPEG of what is shown at `ptsMs` on the broadcast's timeline. */
  readonly onPicture: (ptsMs: number, jpeg: Uint8Array) => void;
  readonly log: Logger;
};

/** A ladder delivers a picture 5 s after the one before, and may be late. */
const PATIENCE_MS = 12_000;
/** Keyframes do not lie where pictures are due. */
const TOLERANCE_MS = 500;

const shownMs = (frame: MediaFrame) => ptsTicksOf(frame) / TICKS_PER_MS;

export class SparePictures {
  readonly #options: SparePicturesOptions;
  #track: VideoTrack | null = null;
  #maker: KeyframePictures | null = null;
  #stopping: Promise<unknown> = Promise.resolve();
  /** The ladder has had time since then, on the timeline; null: since the next frame. */
  #sinceMs: number | null = null;
  /** The first keyframe of that time. */
  #first: MediaFrame | null = null;
  #lastMs = -Infinity;

  constructor(options: SparePicturesOptions) {
    this.#options = options;
  }

  /** What the frames that follow are decoded with; null when no video follows. */
  setTrack(track: VideoTrack | null): void {
    this.suspend();
    this.#track = track;
  }

  /** No frames for a while: what is under way is delivered, the process ends. */
  suspend(): void {
    const maker = this.#maker;
    this.#maker = null;
    this.#first = null;
    this.#sinceMs = null;
    if (maker !== null) this.#stopping = Promise.all([this.#stopping, maker.stop()]);
  }

  /** The ladder has made one. */
  noteLadder(): void {
    this.suspend();
  }

  /** A frame of the source. */
  note(frame: MediaFrame): void {
    if (this.#track === null || frame.track !== "video" || !frame.isKeyframe) return;
    const atMs = shownMs(frame);
    this.#sinceMs ??= atMs;
    if (this.#maker === null && atMs - this.#sinceMs < PATIENCE_MS) {
      this.#first ??= frame;
      return;
    }
    this.#maker ??= this.#createMaker(this.#track);
    for (const keyframe of [this.#first, frame]) if (keyframe !== null) this.#push(keyframe);
    this.#first = null;
  }

  /** Nothing more comes. Resolves when what was under way is delivered (bounded). */
  async finish(): Promise<void> {
    this.setTrack(null);
    await this.#stopping;
  }

  #push(keyframe: MediaFrame): void {
    const atMs = shownMs(keyframe);
    if (atMs - this.#lastMs < PICTURE_INTERVAL_MS - TOLERANCE_MS) return;
    this.#lastMs = atMs;
    this.#maker?.push(keyframe);
  }

  #createMaker(track: VideoTrack): KeyframePictures | null {
    const { sizeOf, ...options } = this.#options;
    const size = sizeOf();
    return size === null ? null : new KeyframePictures({ ...options, track, size });
  }
}
