/**
 * Which videos are live on this node: the packagers put themselves in, playback looks them up.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { FlvFeeds } from "./flv-feeds.ts";
import type { PlayableRendition } from "./playable-rendition.ts";
import { ViewerCounter } from "./viewer-counter.ts";

/** A running (or just ended) broadcast as playback sees it. */
export interface PlayableBroadcast {
  readonly videoUrl: string;
  readonly epoch: number;
  readonly isPlayable: boolean;
  readonly isEnded: boolean;
  /** Its recording is in storage: playlists come from there, only late readers of files still come. */
  readonly isArchived: boolean;
  renderMultivariant(): string;
  rendition(name: RenditionName): PlayableRendition | undefined;
  /** Answers the blocking reloads as if they had waited long enough. */
  releaseWaiters(): void;
}

type Entry = {
  broadcast: PlayableBroadcast | null;
  /** Announced: a broadcast (or the next one) is about to begin. */
  isAwaited: boolean;
  readonly viewers: ViewerCounter;
  readonly waiters: Set<() => void>;
  expiry: ReturnType<typeof setTimeout> | null;
};

/** How long a video that was announced, but sends no media, is worth waiting for. */
const ANNOUNCED_MS = 30_000;
/** With more than this, only what was announced is waited for: anybody can name a video. */
const MAX_ENTRIES = 10_000;

/** Live broadcasts by video url; at most one per video, the one with the highest epoch. */
export class LiveRegistry {
  /** The same broadcasts as FLV. */
  readonly flv = new FlvFeeds();
  readonly #entries = new Map<string, Entry>();

  /** The publisher was accepted: requests for the video wait for the picture instead of a 404. */
  announce(videoUrl: string): void {
    const entry = this.#entry(videoUrl);
    if (entry.broadcast !== null && !entry.broadcast.isEnded) return;
    entry.isAwaited = true;
    this.#expire(entry, videoUrl, ANNOUNCED_MS);
  }

  add(broadcast: PlayableBroadcast): void {
    const entry = this.#entry(broadcast.videoUrl);
    if (entry.broadcast !== null && entry.broadcast.epoch > broadcast.epoch) return;
    if (entry.expiry !== null) clearTimeout(entry.expiry);
    entry.expiry = null;
    entry.broadcast = broadcast;
    entry.isAwaited = false;
    this.notify(broadcast);
  }

  /** Something about the broadcast changed that those who wait for its start want to know. */
  notify(broadcast: PlayableBroadcast): void {
    const entry = this.#entries.get(broadcast.videoUrl);
    if (entry === undefined || entry.broadcast !== broadcast) return;
    if (broadcast.isPlayable || broadcast.isEnded) wake(entry);
  }

  /** Forgets the broadcast after `afterMs`; a newer one of the same video is left alone. */
  release(broadcast: PlayableBroadcast, afterMs = 0): void {
    const entry = this.#entries.get(broadcast.videoUrl);
    if (entry === undefined || entry.broadcast !== broadcast) return;
    if (afterMs > 0) this.#expire(entry, broadcast.videoUrl, afterMs);
    else this.#forget(entry, broadcast.videoUrl);
  }

  get(videoUrl: string): PlayableBroadcast | null {
    return this.#entries.get(videoUrl)?.broadcast ?? null;
  }

  /**
   * The broadcast once it can be played; null when it is still not playable after `deadlineMs`, and
   * at once when nobody announced it, unless `isPatient`.
   */
  async waitUntilPlayable(
    videoUrl: string,
    deadlineMs: number,
    isPatient = false,
  ): Promise<PlayableBroadcast | null> {
    const mayWait = isPatient && this.#entries.size < MAX_ENTRIES;
    const entry = this.#entries.get(videoUrl) ?? (mayWait ? this.#entry(videoUrl) : undefined);
    if (entry === undefined) return null;
    const isStarting = entry.isAwaited ||
      !(entry.broadcast?.isEnded || entry.broadcast?.isPlayable);
    if (isStarting) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          entry.waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, deadlineMs);
        entry.waiters.add(done);
      });
    }
    const isIdle = entry.broadcast === null && !entry.isAwaited && entry.waiters.size === 0;
    if (isIdle) this.#forget(entry, videoUrl);
    return entry.broadcast?.isPlayable ? entry.broadcast : null;
  }

  /** Notes that `viewer` (any stable text) read a playlist of the video just now. */
  noteViewer(videoUrl: string, viewer: string): void {
    this.#entries.get(videoUrl)?.viewers.note(viewer);
  }

  /** Viewers of the last seconds. */
  viewers(videoUrl: string): number {
    return (this.#entries.get(videoUrl)?.viewers.count() ?? 0) + this.flv.viewers(videoUrl);
  }

  /** Answers everybody who waits for anything: the server is about to stop. */
  releaseWaiters(): void {
    this.flv.release();
    for (const entry of this.#entries.values()) {
      wake(entry);
      entry.broadcast?.releaseWaiters();
    }
  }

  /** Answers everybody who waits and forgets everything. */
  close(): void {
    for (const [videoUrl, entry] of this.#entries) this.#forget(entry, videoUrl);
  }

  #entry(videoUrl: string): Entry {
    let entry = this.#entries.get(videoUrl);
    if (entry === undefined) {
      entry = {
        broadcast: null,
        isAwaited: false,
        viewers: new ViewerCounter(),
        waiters: new Set(),
        expiry: null,
      };
      this.#entries.set(videoUrl, entry);
    }
    return entry;
  }

  #expire(entry: Entry, videoUrl: string, afterMs: number): void {
    if (entry.expiry !== null) clearTimeout(entry.expiry);
    entry.expiry = setTimeout(() => this.#forget(entry, videoUrl), afterMs);
    entry.expiry.unref();
  }

  #forget(entry: Entry, videoUrl: string): void {
    if (entry.expiry !== null) clearTimeout(entry.expiry);
    if (this.#entries.get(videoUrl) === entry) this.#entries.delete(videoUrl);
    wake(entry);
  }
}

function wake(entry: Entry): void {
  for (const done of entry.waiters) done();
}
