/**
 * Gets a broadcast its thumbnail: renders one of its keyframes, another one when that fails, takes a
 * small picture of the ladder when none can be rendered, and puts it into storage.
 */
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { sleep, withDeadline } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";
import { type MediaFrame, ptsTicksOf, TICKS_PER_MS, type VideoTrack } from "../formats/media.ts";
import { renderPoster } from "./render-poster.ts";
import type { Turns } from "./turns.ts";

export type PosterTakerOptions = {
  readonly ffmpegPath: string;
  readonly storage: Storage;
  readonly storageKey: string;
  readonly log: Logger;
  /** Shared by all broadcasts of a node: twenty that begin at once would starve each other. */
  readonly turns: Turns;
  /** The picture lies under `storageKey`. */
  readonly onStored: () => void;
  /** Waits between attempts while the broadcast runs; the last one is repeated. */
  readonly delaysMs?: readonly number[];
  /** The same once it is over; its length + 1 is the number of attempts then. */
  readonly lastDelaysMs?: readonly number[];
};

/** The very first picture is often black or half set up. */
const SETTLED_MS = 3000;
/** Who sends keyframes seldom may not send another one soon. */
const PATIENCE_MS = 10_000;
const DELAYS_MS = [2000, 4000, 8000, 16_000, 32_000, 60_000];
const LAST_DELAYS_MS = [500, 2000, 5000, 10_000];
/** A source of which so many keyframes gave no picture gives none. */
const MAX_RENDERS = 8;
const STORE_DEADLINE_MS = 20_000;

export class PosterTaker {
  readonly #options: PosterTakerOptions;
  readonly #abandoned = new AbortController();
  #track: VideoTrack | null = null;
  #keyframe: MediaFrame | null = null;
  /** A small picture, for when no keyframe can be rendered. */
  #picture: { readonly ptsMs: number; readonly jpeg: Uint8Array } | null = null;
  /** Rendered and not stored yet. */
  #jpeg: Uint8Array | null = null;
  #isStored = false;
  #attempts = 0;
  #renders = 0;
  #attempt: Promise<void> | null = null;
  #dueAtMs = 0;
  #finishing: Promise<void> | null = null;

  constructor(options: PosterTakerOptions) {
    this.#options = options;
  }

  /** What the keyframes that follow are decoded with; null when no video follows. */
  setTrack(track: VideoTrack | null): void {
    if (track === null) return;
    this.#track = track;
    this.#keyframe = null;
  }

  /** A frame of the broadcast. */
  note(frame: MediaFrame): void {
    if (this.#isStored || frame.track !== "video" || this.#track === null) return;
    if (frame.isKeyframe) this.#keyframe = frame;
    if (!this.#hasSomething) return;
    const atMs = ptsTicksOf(frame) / TICKS_PER_MS;
    const isSettled = atMs >= (frame.isKeyframe ? SETTLED_MS : PATIENCE_MS);
    if (isSettled && performance.now() >= this.#dueAtMs) void this.#try();
  }

  /** A small picture of the broadcast, shown at `ptsMs`. */
  offer(ptsMs: number, jpeg: Uint8Array): void {
    if (this.#isStored || (this.#picture?.ptsMs ?? 0) >= SETTLED_MS) return;
    this.#picture = { ptsMs, jpeg };
  }

  /**
   * The broadcast is over: what there is must do. Resolves when it is stored or given up; takes a few
   * minutes at most. Never rejects.
   */
  finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  /** Gives up what is not stored yet. */
  abandon(): void {
    this.#abandoned.abort(new Error("the node stops"));
  }

  async #finish(): Promise<void> {
    const { lastDelaysMs = LAST_DELAYS_MS, log } = this.#options;
    await this.#attempt;
    this.#renders = 0;
    for (const delayMs of [...lastDelaysMs, null]) {
      if (!this.#hasSomething) break;
      await this.#try(delayMs === null);
      if (this.#isStored || delayMs === null || this.#abandoned.signal.aborted) break;
      await sleep(delayMs, this.#abandoned.signal).catch(() => {}); // the next attempt sees it
    }
    if (!this.#isStored && this.#attempts > 0) {
      log.error("poster.missed", { attempts: this.#attempts });
    }
    this.#release();
  }

  get #hasSomething(): boolean {
    if (this.#isStored) return false;
    return this.#canRender || this.#jpeg !== null || this.#picture !== null;
  }

  get #canRender(): boolean {
    return this.#keyframe !== null && this.#renders < MAX_RENDERS;
  }

  /** One attempt at a time. */
  #try(isLast = false): Promise<void> {
    this.#attempt ??= this.#takeOnce(isLast).finally(() => this.#attempt = null);
    return this.#attempt;
  }

  async #takeOnce(isLast: boolean): Promise<void> {
    const { storage, storageKey, log, onStored, delaysMs = DELAYS_MS } = this.#options;
    this.#attempts += 1;
    try {
      this.#jpeg ??= await this.#render(isLast);
      const stored = storage.put(storageKey, this.#jpeg, { contentType: "image/jpeg" });
      await withDeadline("storing the poster", STORE_DEADLINE_MS, stored);
      this.#isStored = true;
      this.#release();
      onStored();
    } catch (error) {
      const delayMs = delaysMs[this.#attempts - 1] ?? delaysMs.at(-1) ?? 0;
      this.#dueAtMs = performance.now() + delayMs;
      if (this.#abandoned.signal.aborted) return;
      log.warn("poster.failed", { attempt: this.#attempts, reason: messageOf(error) });
    }
  }

  async #render(isLast: boolean): Promise<Uint8Array> {
    const instead = this.#picture?.jpeg ?? null;
    if (!this.#canRender && instead !== null) return instead;
    this.#renders += 1;
    try {
      return await this.#options.turns.take(() => this.#renderNewest());
    } catch (error) {
      if (!isLast || instead === null || this.#abandoned.signal.aborted) throw error;
      this.#options.log.warn("poster.replaced", { reason: messageOf(error) });
      return instead;
    }
  }

  /** A turn may have been long in coming: the newest keyframe by now. */
  async #renderNewest(): Promise<Uint8Array> {
    if (this.#track === null || this.#keyframe === null) {
      throw new Error("no keyframe has come yet");
    }
    const source = { track: this.#track, keyframe: this.#keyframe };
    return await renderPoster(this.#options.ffmpegPath, source, this.#abandoned.signal);
  }

  #release(): void {
    this.#keyframe = null;
    this.#picture = null;
    this.#jpeg = null;
  }
}
