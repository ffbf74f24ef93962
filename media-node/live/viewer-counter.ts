/**
 * Counts who reads the playlists of one broadcast, in bounded memory.
 */

export type ViewerCounterOptions = {
  /** A viewer who has not read a playlist for this long is gone. Default 12 s. */
  readonly windowMs?: number;
  /** Viewers told apart at most; further ones are not counted. Default 20 000. */
  readonly maxViewers?: number;
  readonly now?: () => number;
};

/** Distinct readers of the last seconds. */
export class ViewerCounter {
  readonly #windowMs: number;
  readonly #maxViewers: number;
  readonly #now: () => number;
  /** In the order of their last visit, because a visit re-inserts the key. */
  readonly #lastSeenMs = new Map<string, number>();

  constructor(options: ViewerCounterOptions = {}) {
    this.#windowMs = options.windowMs ?? 12_000;
    this.#maxViewers = options.maxViewers ?? 20_000;
    this.#now = options.now ?? (() => performance.now());
  }

  note(viewer: string): void {
    this.#lastSeenMs.delete(viewer);
    if (this.#lastSeenMs.size >= this.#maxViewers) this.#forgetGone();
    if (this.#lastSeenMs.size < this.#maxViewers) this.#lastSeenMs.set(viewer, this.#now());
  }

  count(): number {
    this.#forgetGone();
    return this.#lastSeenMs.size;
  }

  #forgetGone(): void {
    const oldest = this.#now() - this.#windowMs;
    for (const [viewer, seenMs] of this.#lastSeenMs) {
      if (seenMs > oldest) return;
      this.#lastSeenMs.delete(viewer);
    }
  }
}
