/**
 * Which videos are live on this node: the packagers put themselves in, playback looks them up.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { FlvFeeds } from "./flv-feeds.ts";
import { LiveStoryboards } from "./live-storyboards.ts";
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
  /** Those who wait for the picture. */
  readonly waiters: Set<() => void>;
  /** Those who wait for somebody to publish. */
  readonly expectant: Set<() => void>;
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
  /** Their pictures. */
  readonly storyboards = new LiveStoryboards();
  readonly #entries = new Map<string, Entry>();

  /** The publisher was accepted: requests for the video wait for the picture instead of a 404. */
  announce(videoUrl: string): void {
    const entry = this.#entry(videoUrl);
    if (entry.broadcast !== null && !entry.broadcast.isEnded) return;
    entry.isAwaited = true;
    wake(entry.expectant);
    this.#expire(entry, videoUrl, ANNOUNCED_MS);
  }

  add(broadcast: PlayableBroadcast): void {
    const entry = this.#entry(broadcast.videoUrl);
    if (entry.broadcast !== null && entry.broadcast.epoch > broadcast.epoch) return;
    if (entry.expiry !== null) clearTimeout(entry.expiry);
    entry.expiry = null;
    entry.broadcast = broadcast;
    entry.isAwaited = false;
    wake(entry.expectant);
    this.notify(broadcast);
  }

  /** Something about the broadcast changed that those who wait for its start want to know. */
  notify(broadcast: PlayableBroadcast): void {
    const entry = this.#entries.get(broadcast.videoUrl);
    if (entry === undefined || entry.broadcast !== broadcast) return;
    if (broadcast.isPlayable || broadcast.isEnded) wake(entry.waiters);
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
    if (isStarting) await waitAmong(entry.waiters, deadlineMs);
    this.#forgetIdle(entry, videoUrl);
    return entry.broadcast?.isPlayable ? entry.broadcast : null;
  }

  /** Whether somebody publishes, or is about to: at once, or within `deadlineMs`. */
  async waitUntilAnnounced(videoUrl: string, deadlineMs: number): Promise<boolean> {
    if (!this.#entries.has(videoUrl) && this.#entries.size >= MAX_ENTRIES) return false;
    const entry = this.#entry(videoUrl);
    if (!isExpected(entry)) await waitAmong(entry.expectant, deadlineMs);
    this.#forgetIdle(entry, videoUrl);
    return isExpected(entry);
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
      wakeAll(entry);
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
        expectant: new Set(),
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

  #forgetIdle(entry: Entry, videoUrl: string): void {
    const { broadcast, isAwaited, waiters, expectant } = entry;
    const isWaitedFor = isAwaited || waiters.size > 0 || expectant.size > 0;
    if (broadcast === null && !isWaitedFor) this.#forget(entry, videoUrl);
  }

  #forget(entry: Entry, videoUrl: string): void {
    if (entry.expiry !== null) clearTimeout(entry.expiry);
    if (this.#entries.get(videoUrl) === entry) this.#entries.delete(videoUrl);
    wakeAll(entry);
  }
}

function isExpected({ isAwaited, broadcast }: Entry): boolean {
  return isAwaited || (broadcast !== null && !broadcast.isEnded);
}

/** Resolves when one of `waiters` is woken, at the latest after `deadlineMs`. */
function waitAmong(waiters: Set<() => void>, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      waiters.delete(done);
      resolve();
    };
    const timer = setTimeout(done, deadlineMs);
    waiters.add(done);
  });
}

function wakeAll({ waiters, expectant }: Entry): void {
  wake(waiters);
  wake(expectant);
}

function wake(waiters: ReadonlySet<() => void>): void {
  for (const done of waiters) done();
}
