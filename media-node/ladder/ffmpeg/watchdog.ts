/**
 * Notices an ffmpeg that runs but does not work: there is input, and one of the signs of work does
 * not come. Frames it does not count, or an output that stays silent; no one sign sees everything (a
 * full disk, a stopped process, one blocked pipe). An ffmpeg that is merely slow gives all of them.
 */

/** After a pause of the input longer than this, waiting begins anew. */
const FLOWING_MS = 2000;
const STALL_MS = 5000;
/** A loaded machine takes its time to start a process. */
const START_GRACE_MS = 5000;

export class Watchdog {
  readonly #startedAtMs: number;
  readonly #signs: readonly string[];
  /** Since when each sign has been waited for; absent while it has come after the last input. */
  readonly #waiting = new Map<string, number>();
  #inputAtMs = -Infinity;
  #count = 0;

  constructor(outputs: number, nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#signs = ["progress", ...Array.from({ length: outputs }, (_, n) => `output ${n}`)];
  }

  noteInput(nowMs: number): void {
    if (nowMs - this.#inputAtMs > FLOWING_MS) this.#waiting.clear();
    this.#await(nowMs);
  }

  /** `count`: how many frames ffmpeg says it has encoded; or its audio time without video. */
  noteProgress(count: number): void {
    if (count <= this.#count) return;
    this.#count = count;
    this.#waiting.delete("progress");
  }

  noteOutput(output: number): void {
    this.#waiting.delete(`output ${output}`);
  }

  /** What is stuck, in words; null when all is well. `hasQueuedInput`: it has yet to take some. */
  check(nowMs: number, hasQueuedInput: boolean): string | null {
    if (hasQueuedInput) this.#await(nowMs);
    if (nowMs - this.#startedAtMs < START_GRACE_MS) return null;
    if (nowMs - this.#inputAtMs > FLOWING_MS) return null;
    for (const [sign, sinceMs] of this.#waiting) {
      if (nowMs - sinceMs > STALL_MS) return `no ${sign} for ${STALL_MS / 1000} s of input`;
    }
    return null;
  }

  #await(nowMs: number): void {
    this.#inputAtMs = nowMs;
    for (const sign of this.#signs) {
      if (!this.#waiting.has(sign)) this.#waiting.set(sign, nowMs);
    }
  }
}
