/**
 * Notices an ffmpeg that runs but does not work. Three signs, because no one of them sees all:
 * input it does not take, frames it does not count, outputs that stay silent.
 */

/** Input with a pause longer than this starts the waiting anew. */
const FLOWING_MS = 2000;
const STALL_MS = 5000;
/** A loaded machine takes its time to start a process. */
const START_GRACE_MS = 5000;

export class Watchdog {
  readonly #startedAtMs: number;
  #inputAtMs = -Infinity;
  #frames = -1;
  /** Since when each sign has been waited for; absent while it has come after the last input. */
  readonly #waiting = new Map<string, number>();
  readonly #signs: readonly string[];

  constructor(outputs: number, nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#signs = ["progress", ...Array.from({ length: outputs }, (_, n) => `output ${n}`)];
  }

  noteInput(nowMs: number): void {
    if (nowMs - this.#inputAtMs > FLOWING_MS) this.#waiting.clear();
    this.#inputAtMs = nowMs;
    for (const sign of this.#signs) {
      if (!this.#waiting.has(sign)) this.#waiting.set(sign, nowMs);
    }
  }

  /** `frames`: how many ffmpeg says it has encoded; or its audio time without video. */
  noteProgress(frames: number): void {
    if (frames <= this.#frames) return;
    this.#frames = frames;
    this.#waiting.delete("progress");
  }

  noteOutput(output: number): void {
    this.#waiting.delete(`output ${output}`);
  }

  /** What is stuck, in words; null when all is well. `drainedAtMs`: when input was last taken. */
  check(nowMs: number, drainedAtMs: number): string | null {
    if (nowMs - this.#startedAtMs < START_GRACE_MS) return null;
    if (nowMs - drainedAtMs > STALL_MS) return "it takes no input";
    if (nowMs - this.#inputAtMs > FLOWING_MS) return null;
    for (const [sign, sinceMs] of this.#waiting) {
      if (nowMs - sinceMs > STALL_MS) return `no ${sign} for ${STALL_MS / 1000} s of input`;
    }
    return null;
  }
}
