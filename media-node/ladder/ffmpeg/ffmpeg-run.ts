/**
 * One run of ffmpeg, from its start to its end: the process with what it is given and what it delivers,
 * watched all the while.
 */
import { FlvError } from "../../formats/flv/flv-reader.ts";
import { BoxError } from "../../formats/mp4/boxes.ts";
import type { Logger } from "#shared/log.ts";
import { createOutputReader, type OutputReader, type OutputSinks } from "./output-reader.ts";
import { type ChildExit, SupervisedProcess } from "./process.ts";
import { Watchdog } from "./watchdog.ts";

/** `isNew`: viewers have not been shown it, so something must come out. */
export type NextInput = { readonly bytes: Uint8Array; readonly isNew: boolean };

export type RunOptions = {
  /** Program and arguments. */
  readonly argv: readonly [string, ...string[]];
  readonly takesPictures: boolean;
  /** What comes before the first frame. */
  readonly header: Uint8Array;
  /** The next frame; null when none waits. */
  readonly take: () => NextInput | null;
  readonly hasWaiting: () => boolean;
  readonly outputs: Omit<OutputSinks, "onFrame" | "onProgress">;
  /** The first frame of this run. */
  readonly onFirstFrame: () => void;
  /** It has taken more of what waited. */
  readonly onDrain: () => void;
  /** Twice a second while all is well. */
  readonly onTick: (nowMs: number) => void;
  /** Once, after its last output; not after `abandon` or `finish`. */
  readonly onExit: (exit: ChildExit) => void;
  readonly log: Logger;
};

/** What may wait in the process's own pipe, where it cannot be taken back. */
const PIPE_BYTES = 128 * 1024;
const WATCH_INTERVAL_MS = 500;

export class FfmpegRun {
  readonly #options: RunOptions;
  readonly #child: SupervisedProcess;
  readonly #watchdog: Watchdog;
  readonly #watchTimer: ReturnType<typeof setInterval>;
  readonly #read: OutputReader;
  #isAbandoned = false;
  #isFinishing = false;
  #hasDelivered = false;
  #writtenBytes = 0;
  #takenBytes = 0;

  constructor(options: RunOptions) {
    const { rungs, hasAudio } = options.outputs;
    const watched = rungs + (hasAudio ? 1 : 0);
    this.#options = options;
    this.#watchdog = new Watchdog(watched, performance.now());
    this.#read = this.#createReader();
    this.#child = new SupervisedProcess({
      argv: options.argv,
      extraOutputs: watched + (options.takesPictures ? 1 : 0),
      onOutput: (fd, chunk) => this.#onOutput(fd, chunk),
      onDrain: () => this.#onDrain(),
      onExit: (exit) => this.#onExit(exit),
    });
    this.#watchTimer = setInterval(() => this.#watch(), WATCH_INTERVAL_MS);
    this.#write(options.header);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** It has encoded a frame: it was of use. */
  get hasDelivered(): boolean {
    return this.#hasDelivered;
  }

  /** Hands on what the process takes; the rest waits where it can still be left out. */
  pump(): void {
    while (this.#child.queuedBytes < PIPE_BYTES && this.#writeNext());
  }

  /** Ends it, with nothing more to be heard of it. */
  abandon(): void {
    this.#isAbandoned = true;
    clearInterval(this.#watchTimer);
    this.#child.kill();
  }

  /** Gives it all there is, and the time to deliver it. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    clearInterval(this.#watchTimer);
    while (this.#writeNext());
    await this.#child.stop();
  }

  #writeNext(): boolean {
    const next = this.#options.take();
    if (next === null) return false;
    this.#write(next.bytes);
    if (next.isNew) this.#watchdog.noteInput(performance.now());
    return true;
  }

  #write(bytes: Uint8Array): void {
    this.#writtenBytes += bytes.length;
    this.#child.write(bytes);
  }

  #createReader(): OutputReader {
    const { outputs } = this.#options;
    return createOutputReader({
      ...outputs,
      // It may be abandoned for what it has just delivered.
      onVideo: (rung, encoded) => {
        if (!this.#isAbandoned) outputs.onVideo(rung, encoded);
      },
      onProgress: (count) => this.#watchdog.noteProgress(count),
      onFrame: (output) => {
        this.#watchdog.noteOutput(output);
        if (this.#hasDelivered) return;
        this.#hasDelivered = true;
        this.#options.onFirstFrame();
      },
    });
  }

  /** Output that cannot be read is a fault of this ffmpeg: another one takes its place. */
  #onOutput(fd: number, chunk: Uint8Array): void {
    if (this.#isAbandoned) return;
    try {
      this.#read(fd, chunk);
    } catch (error) {
      if (!(error instanceof FlvError || error instanceof BoxError)) throw error;
      this.#options.log.warn("engine.unreadable", { pid: this.pid, reason: error.message });
      this.#child.kill();
    }
  }

  #onDrain(): void {
    if (this.#isAbandoned || this.#isFinishing) return;
    this.pump();
    this.#options.onDrain();
  }

  #onExit(exit: ChildExit): void {
    clearInterval(this.#watchTimer);
    if (!this.#isAbandoned && !this.#isFinishing) this.#options.onExit(exit);
  }

  #watch(): void {
    const nowMs = performance.now();
    const queuedBytes = this.#child.queuedBytes;
    const takenBytes = this.#writtenBytes - queuedBytes;
    if (takenBytes > this.#takenBytes) this.#watchdog.noteTaken();
    this.#takenBytes = takenBytes;
    const problem = this.#watchdog.check(nowMs, queuedBytes > 0 || this.#options.hasWaiting());
    if (problem === null) return this.#options.onTick(nowMs);
    this.#options.log.warn("engine.stalled", { pid: this.pid, problem });
    this.#child.kill();
  }
}
