/**
 * A broadcast as FLV: the source as it came, handed to every viewer the moment it arrives.
 */
import { GopCache } from "../ladder/gop-cache.ts";
import type { MediaFrame } from "../formats/media.ts";
import { FlvPacket } from "./flv-packet.ts";
import { type FlvSource, writePreamble } from "../formats/flv/flv-preamble.ts";
import { FlvViewer } from "./flv-viewer.ts";

export type FlvFeedOptions = {
  /** Per viewer; default 4 MiB: a few seconds of any broadcast. */
  readonly maxBufferedBytes?: number;
};

const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

type Run = { readonly source: FlvSource; readonly gop: GopCache<FlvPacket> };

/**
 * Lives as long as its broadcast. A run lasts until the publisher leaves or its source changes; it
 * takes its viewers with it, who then ask again: players cannot follow such a change.
 */
export class FlvFeed {
  readonly #maxBufferedBytes: number;
  readonly #viewers = new Set<FlvViewer>();
  readonly #waiters = new Set<() => void>();
  #run: Run | null = null;
  #isEnded = false;

  constructor(options: FlvFeedOptions = {}) {
    this.#maxBufferedBytes = options.maxBufferedBytes ?? MAX_BUFFERED_BYTES;
  }

  /** Frames are coming, or have just come. */
  get isLive(): boolean {
    return this.#run !== null;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** The frames that follow are `source`'s. */
  start(source: FlvSource): void {
    this.suspend();
    if (this.#isEnded) return;
    this.#run = { source, gop: new GopCache() };
    this.releaseWaiters();
  }

  /** A frame of a track that the source has; others are left out. */
  push(frame: MediaFrame): void {
    if (this.#run === null || this.#run.source[frame.track] === null) return;
    const packet = new FlvPacket(frame, this.#run.source);
    this.#run.gop.add(packet, packet.isStart);
    for (const viewer of this.#viewers) viewer.push(packet);
  }

  /** The publisher is gone, perhaps to return: every viewer gets the end of its stream. */
  suspend(): void {
    this.#run = null;
    for (const viewer of this.#viewers) viewer.end();
  }

  end(): void {
    this.#isEnded = true;
    this.suspend();
    this.releaseWaiters();
  }

  /** A viewer that starts at the last keyframe; null while there is nothing to see. */
  join(): FlvViewer | null {
    const run = this.#run;
    if (run === null) return null;
    const viewer: FlvViewer = new FlvViewer({
      preamble: (firstDtsMs) => writePreamble(run.source, firstDtsMs),
      packets: run.gop.frames,
      maxBufferedBytes: this.#maxBufferedBytes,
      onGone: () => this.#viewers.delete(viewer),
    });
    this.#viewers.add(viewer);
    return viewer;
  }

  /** Resolves when there is something to see, when there will not be, or after `deadlineMs`. */
  async waitUntilLive(deadlineMs: number): Promise<void> {
    if (this.isLive || this.#isEnded) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, deadlineMs);
      this.#waiters.add(done);
    });
  }

  /** Answers everybody who waits for the start. */
  releaseWaiters(): void {
    for (const done of this.#waiters) done();
  }
}
