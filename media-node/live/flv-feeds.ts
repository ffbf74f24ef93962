/**
 * The feeds of this node by video url: broadcasts put theirs in, playback looks them up.
 */
import { FlvFeed } from "./flv-feed.ts";

export class FlvFeeds {
  readonly #feeds = new Map<string, FlvFeed>();

  /** The feed of a broadcast that is about to begin, in place of an earlier one of the same video. */
  open(videoUrl: string): FlvFeed {
    this.#feeds.get(videoUrl)?.end();
    const feed = new FlvFeed();
    this.#feeds.set(videoUrl, feed);
    return feed;
  }

  /** Ends the feed and forgets it; a newer one of the same video is left alone. */
  close(videoUrl: string, feed: FlvFeed): void {
    feed.end();
    if (this.#feeds.get(videoUrl) === feed) this.#feeds.delete(videoUrl);
  }

  get(videoUrl: string): FlvFeed | null {
    return this.#feeds.get(videoUrl) ?? null;
  }

  viewers(videoUrl: string): number {
    return this.#feeds.get(videoUrl)?.viewers ?? 0;
  }

  /** Ends every viewer's stream and answers everybody who waits: the server is about to stop. */
  release(): void {
    for (const feed of this.#feeds.values()) {
      feed.suspend();
      feed.releaseWaiters();
    }
  }
}
