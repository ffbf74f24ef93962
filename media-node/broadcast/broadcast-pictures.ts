/**
 * The pictures that are made of a broadcast while it runs: its poster, and the small ones its
 * storyboard is put together from.
 */
import { ORIGINALS } from "#shared/contracts/jobs.ts";
import type { Logger } from "#shared/log.ts";
import { withDeadline } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";
import { type MediaFrame, shapeOf, type VideoTrack } from "../formats/media.ts";
import { type PictureSize, pictureSizeOf } from "../ladder/picture-size.ts";
import type { Authorisation } from "./authorisation.ts";
import type { PictureSink } from "./picture-sink.ts";
import { PictureStore } from "./picture-store.ts";
import { PosterTaker } from "./poster-taker.ts";
import type { Turns } from "./turns.ts";

export type PicturesOptions = {
  readonly authorisation: Authorisation;
  readonly ffmpegPath: string;
  readonly storage: Storage;
  /** One poster is rendered at a time on a node. */
  readonly posterTurns: Turns;
  readonly log: Logger;
  /** The poster lies under `storageKey`. */
  readonly onPoster: (storageKey: string) => void;
};

/** How long the end waits for the poster; after that it comes when it comes. */
const POSTER_PATIENCE_MS = 3000;

export class BroadcastPictures implements PictureSink {
  readonly #store: PictureStore;
  readonly #poster: PosterTaker | null;
  #size: PictureSize | null = null;

  constructor(options: PicturesOptions) {
    const { authorisation, storage, log } = options;
    this.#store = new PictureStore({ storage, ...authorisation, log });
    this.#poster = authorisation.wantsThumbnail ? createPosterTaker(options) : null;
  }

  /** The first video of the broadcast says it. */
  get size(): PictureSize | null {
    return this.#size;
  }

  /** What the frames that follow are decoded with; null when no video follows. */
  setTrack(track: VideoTrack | null): void {
    if (track !== null) this.#size ??= pictureSizeOf(shapeOf(track));
    this.#poster?.setTrack(track);
  }

  /** A frame of the source. */
  note(frame: MediaFrame): void {
    this.#poster?.note(frame);
  }

  /** A small picture of what is shown at `ptsMs`. */
  add(ptsMs: number, jpeg: Uint8Array): void {
    this.#store.add(ptsMs, jpeg);
    this.#poster?.offer(ptsMs, jpeg);
  }

  /** Nothing more comes. Resolves when all is stored, or worth no more waiting. Never rejects. */
  async finish(): Promise<void> {
    const finished = this.#poster?.finish() ?? Promise.resolve();
    // The poster goes on by itself and is reported when it is done.
    await withDeadline("the poster", POSTER_PATIENCE_MS, finished).catch(() => {});
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
