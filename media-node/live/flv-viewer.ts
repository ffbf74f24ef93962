/**
 * One viewer of a feed: what is on its way to a reader who may be slower than the broadcast.
 */
import type { FlvPacket } from "./flv-packet.ts";

export type FlvViewerOptions = {
  /** What stands before the first frame, which is at `firstDtsMs`. */
  readonly preamble: (firstDtsMs: number) => Uint8Array;
  /** From the last keyframe on; may be empty. */
  readonly packets: readonly FlvPacket[];
  /** What may wait for the reader, beyond the frames it starts with. */
  readonly maxBufferedBytes: number;
  /** The reader is gone, was cut, or has everything. Called once. */
  readonly onGone: () => void;
};

/** A viewer that overflows again before it has caught up is cut. */
const MAX_OVERFLOWS = 2;

export class FlvViewer {
  /** The bytes for the reader, taken at its own pace; ends with the feed. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: FlvViewerOptions;
  readonly #cut = new AbortController();
  /** Shared bytes: waiting viewers hold references, not copies. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** The frames a viewer starts with are not held against it. */
  #limitBytes: number;
  /** What stands at the head of the queue until the reader has taken it. */
  #preamble: Uint8Array | null = null;
  #hasBegun = false;
  #isSkipping = false;
  #overflows = 0;
  #isEnding = false;
  #isGone = false;
  #isCancelled = false;
  #wake: (() => void) | null = null;

  constructor(options: FlvViewerOptions) {
    this.#options = options;
    this.stream = new ReadableStream<Uint8Array>({
      pull: (controller) => this.#pull(controller),
      cancel: () => {
        this.#isCancelled = true;
        this.#leave();
      },
    }, { highWaterMark: 0 });
    if (options.packets.length > 0) this.#begin(earliestStart(options.packets));
    for (const packet of options.packets) this.#enqueue(packet.bytes);
    this.#limitBytes = options.maxBufferedBytes + this.#queuedBytes;
  }

  /** Aborts when the reader is too slow to be kept: its connection is to be closed. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  push(packet: FlvPacket): void {
    if (this.#isGone || this.#isEnding) return;
    const mustStart = this.#isSkipping || !this.#hasBegun;
    if (mustStart && !packet.isStart) return;
    this.#isSkipping = false;
    if (this.#queuedBytes + packet.bytes.length > this.#limitBytes) this.#overflow();
    else {
      if (!this.#hasBegun) this.#begin(packet.dtsMs);
      this.#enqueue(packet.bytes);
    }
    this.#wake?.();
  }

  /** No more will come: the reader gets what waits, then the end. */
  end(): void {
    this.#isEnding = true;
    this.#wake?.();
  }

  #begin(firstDtsMs: number): void {
    this.#hasBegun = true;
    this.#preamble = this.#options.preamble(firstDtsMs);
    this.#enqueue(this.#preamble);
  }

  #enqueue(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  /** What waits is old: the reader goes on at the next keyframe, if it is to go on at all. */
  #overflow(): void {
    if (this.#preamble !== null) this.#hasBegun = false;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#isSkipping = true;
    this.#limitBytes = this.#options.maxBufferedBytes;
    this.#overflows += 1;
    if (this.#overflows < MAX_OVERFLOWS) return;
    this.#leave();
    this.#cut.abort();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#queue.length === 0 && !this.#isEnding && !this.#isGone) {
      // Whoever waits here has read everything there was.
      if (!this.#isSkipping) this.#overflows = 0;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
    const bytes = this.#isGone ? undefined : this.#queue.shift();
    if (bytes === undefined) {
      this.#leave();
      if (!this.#isCancelled) controller.close();
      return;
    }
    if (bytes === this.#preamble) this.#preamble = null;
    this.#queuedBytes -= bytes.length;
    controller.enqueue(bytes);
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#wake?.();
    this.#options.onGone();
  }
}

/** Where players start their clock: the earlier one of the two tracks' first frames. */
function earliestStart(packets: readonly FlvPacket[]): number {
  const firsts = ["audio", "video"].flatMap((track) =>
    packets.find(({ frame }) => frame.track === track)?.dtsMs ?? []
  );
  return Math.min(...firsts);
}
