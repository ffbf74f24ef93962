/**
 * The pictures that are made of a broadcast while it runs: its poster, and the small ones that its
 * storyboards are put together from, the one of the recording and the one that is shown while live.
 */
import { ORIGINALS } from "#shared/contracts/jobs.ts";
import type { Logger } from "#shared/log.ts";
import { withDeadline } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";
import { type MediaFrame, shapeOf, type VideoTrack } from "../formats/media.ts";
import type { FrameModeFlag } from "../ladder/ffmpeg/frame-mode.ts";
import { type PictureSize, pictureSizeOf } from "../ladder/picture-size.ts";
import type { LiveRegistry } from "../live/live-registry.ts";
import { LiveStoryboard } from "../live/live-storyboard.ts";
import type { Authorisation } from "./authorisation.ts";
import type { PictureSink } from "./picture-sink.ts";
import { PictureStore } from "./picture-store.ts";
import { PosterTaker } from "./poster-taker.ts";
import { SparePictures } from "./spare-pictures.ts";
import type { Turns } from "./turns.ts";

export type PicturesOptions = {
  readonly authorisation: Authorisation;
  readonly ffmpegPath: string;
  readonly frameModeFlag?: FrameModeFlag | undefined;
  readonly live: LiveRegistry;
  readonly dvrWindowS: number;
  readonly storage: Storage;
  /** One poster is rendered at a time on a node. */
  readonly posterTurns: Turns;
  readonly log: Logger;
  /** The poster lies under `storageKey`. */
  readonly onPoster: (storageKey: string) => void;
};

/** How long the end waits for the last pictures; after that they come when they come. */
const PATIENCE_MS = 3000;

export class BroadcastPictures implements PictureSink {
  readonly #options: PicturesOptions;
  readonly #store: PictureStore;
  readonly #storyboard: LiveStoryboard;
  /** Null: nothing is recorded, so nobody can go back. */
  readonly #spare: SparePictures | null;
  readonly #poster: PosterTaker | null;
  #size: PictureSize | null = null;

  constructor(options: PicturesOptions) {
    const { authorisation, storage, log, dvrWindowS, ffmpegPath, frameModeFlag } = options;
    this.#options = options;
    this.#store = new PictureStore({ storage, ...authorisation, log });
    this.#storyboard = new LiveStoryboard(dvrWindowS * 1000);
    const add = (ptsMs: number, jpeg: Uint8Array) => this.#keep(ptsMs, jpeg);
    const sizeOf = () => this.#size;
    this.#spare = authorisation.settings.recording
      ? new SparePictures({ ffmpegPath, frameModeFlag, sizeOf, onPicture: add, log })
      : null;
    this.#poster = authorisation.wantsThumbnail ? createPosterTaker(options) : null;
  }

  /** The first video of the broadcast says it. */
  get size(): PictureSize | null {
    return this.#size;
  }

  /**
   * What the frames that follow are decoded with; null when no video follows. Of those from `fromMs`
   * on, `zeroAtMs` is the wall clock (Unix ms) of the timeline's zero.
   */
  setTrack(track: VideoTrack | null, fromMs: number, zeroAtMs: number): void {
    const { authorisation, live } = this.#options;
    if (track !== null) this.#size ??= pictureSizeOf(shapeOf(track));
    this.#storyboard.useClock(fromMs, zeroAtMs);
    if (this.#spare !== null) live.storyboards.open(authorisation.videoUrl, this.#storyboard);
    this.#spare?.setTrack(track);
    this.#poster?.setTrack(track);
  }

  /** A frame of the source. */
  note(frame: MediaFrame): void {
    this.#spare?.note(frame);
    this.#poster?.note(frame);
  }

  /** The ladder's small picture of what is shown at `ptsMs`. */
  add(ptsMs: number, jpeg: Uint8Array): void {
    this.#spare?.noteLadder();
    this.#keep(ptsMs, jpeg);
  }

  #keep(ptsMs: number, jpeg: Uint8Array): void {
    this.#store.add(ptsMs, jpeg);
    this.#storyboard.add(ptsMs, jpeg);
    this.#poster?.offer(ptsMs, jpeg);
  }

  /** No frames for a while. */
  suspend(): void {
    this.#spare?.suspend();
  }

  /** Nothing more comes. Resolves when all is stored, or worth no more waiting. Never rejects. */
  async finish(): Promise<void> {
    const { authorisation, live } = this.#options;
    live.storyboards.close(authorisation.videoUrl, this.#storyboard);
    const finished = Promise.all([this.#poster?.finish(), this.#spare?.finish()]);
    // The poster goes on by itself and is reported when it is done.
    await withDeadline("the last pictures", PATIENCE_MS, finished).catch(() => {});
    await this.#store.flush();
  }

  /** Gives up what is not stored yet. */
  abandon(): void {
    this.#poster?.abandon();
  }
}

function createPosterTaker(options: PicturesOptions): PosterTaker {
  const { authorisation, ffmpegPath, storage, posterTurns: turns, log, onPoster } = options;
  const storageKey = `${ORIGINALS}poster-${authorisation.broadcastId}.jpg`;
  const onStored = () => onPoster(storageKey);
  return new PosterTaker({ ffmpegPath, storage, storageKey, turns, log, onStored });
}
