/**
 * Picks the frame that becomes a broadcast's thumbnail, and puts it into storage once.
 */
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import { isSequenceHeader, isVideoKeyframe } from "../ladder/source-tag.ts";
import type { FlvTag } from "../formats/media.ts";
import { renderPoster } from "./render-poster.ts";

export type PosterTakerOptions = {
  readonly ffmpegPath: string;
  readonly storage: Storage;
  readonly storageKey: string;
  readonly log: Logger;
  /** The picture lies under `storageKey`. */
  readonly onStored: () => void;
};

/** The very first picture is often black or half set up. */
const SETTLED_MS = 3000;

export class PosterTaker {
  readonly #options: PosterTakerOptions;
  #header: FlvTag | null = null;
  #keyframe: FlvTag | null = null;
  #taking: Promise<void> | null = null;

  constructor(options: PosterTakerOptions) {
    this.#options = options;
  }

  setHeader(header: FlvTag | null): void {
    if (header === null || !isSequenceHeader(header)) return;
    this.#header = header;
    this.#keyframe = null;
  }

  note(tag: FlvTag): void {
    if (this.#taking !== null || !isVideoKeyframe(tag)) return;
    this.#keyframe = tag;
    if (tag.dtsMs >= SETTLED_MS) void this.take();
  }

  /** Takes what there is, when it was not taken before. Never rejects. */
  take(): Promise<void> {
    if (this.#header === null || this.#keyframe === null) return this.#taking ?? Promise.resolve();
    this.#taking ??= this.#take({ header: this.#header, keyframe: this.#keyframe });
    return this.#taking;
  }

  async #take(source: { header: FlvTag; keyframe: FlvTag }): Promise<void> {
    const { ffmpegPath, storage, storageKey, log, onStored } = this.#options;
    this.#keyframe = null;
    try {
      const jpeg = await renderPoster(ffmpegPath, source);
      await storage.put(storageKey, jpeg, { contentType: "image/jpeg" });
      onStored();
    } catch (error) {
      log.warn("poster.failed", { reason: messageOf(error) });
    }
  }
}
