/**
 * Puts the small pictures of a running broadcast where its storyboard is made from at the end:
 * `videos/<url>/<epoch>/frames/<ms>.jpg`. They are a convenience: a slow or full storage loses some.
 */
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { withDeadline } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";

export type PictureStoreOptions = {
  readonly storage: Storage;
  readonly videoUrl: string;
  /** As the recording is filed. */
  readonly epoch: number;
  readonly log: Logger;
};

/** What may wait for a slow storage. */
const MAX_QUEUED = 8;
const WRITE_DEADLINE_MS = 5000;
/** An encoder that starts anew takes one at once: pictures closer than this are not kept. */
const MIN_DISTANCE_MS = 4000;

type Picture = { readonly ptsMs: number; readonly jpeg: Uint8Array };

export class PictureStore {
  readonly #options: PictureStoreOptions;
  #queue: Picture[] = [];
  #lastMs = -Infinity;
  #writing: Promise<void> | null = null;
  #hasFailed = false;

  constructor(options: PictureStoreOptions) {
    this.#options = options;
  }

  /** `ptsMs`: when it is shown on the broadcast's timeline. */
  add(ptsMs: number, jpeg: Uint8Array): void {
    if (ptsMs - this.#lastMs < MIN_DISTANCE_MS || this.#queue.length >= MAX_QUEUED) return;
    this.#lastMs = ptsMs;
    this.#queue.push({ ptsMs, jpeg });
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all that was added is stored or given up (bounded). Never rejects. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#write(next);
    }
    this.#writing = null;
  }

  async #write({ ptsMs, jpeg }: Picture): Promise<void> {
    const { storage, videoUrl, epoch, log } = this.#options;
    const key = `videos/${videoUrl}/${epoch}/frames/${Math.round(ptsMs)}.jpg`;
    try {
      const written = storage.put(key, jpeg, { contentType: "image/jpeg" });
      await withDeadline(`writing ${key}`, WRITE_DEADLINE_MS, written);
      this.#hasFailed = false;
    } catch (error) {
      // One after the other would wait for a storage that is gone.
      this.#queue = [];
      if (!this.#hasFailed) log.warn("picture.failed", { key, reason: messageOf(error) });
      this.#hasFailed = true;
    }
  }
}
