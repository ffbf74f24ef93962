/**
 * Notices an ffmpeg that runs but does not work: there is input, and one of the signs of work does
 * not come. Frames it does not count, or an output that stays silent; no one sign sees everything (a
 * full disk, a stopped process, one blocked pipe). An ffmpeg that is merely slow gives all of them, and
 * one that decodes what need not be shown again takes its input.
 */

/** After a pause of the input longer than this, or than two of the steps before, waiting begins anew. */
const FLOWING_MS = 2000;
const STALL_MS = 5000;
/** A source of a frame a second is not answered before some frames have come. */
const STALL_INPUTS = 8;
/** A loaded machine takes its time to start a process. */
const START_GRACE_MS = 5000;

/** It takes what waits for it, or delivers. */
const LIFE = "sign of life";

type Waiting = { readonly sinceMs: number; inputs: number };

export class Watchdog {
  readonly #startedAtMs: number;
  readonly #signs: readonly string[];
  /** What each sign has been waited for since; absent while it has come after the last input. */
  readonly #waiting = new Map<string, Waiting>();
  #inputAtMs = -Infinity;
  #flowingMs = FLOWING_MS;
  #count = 0;

  constructor(outputs: number, nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#signs = ["progress", ...Array.from({ length: outputs }, (_, n) => `output ${n}`)];
  }

  /** It was given something that it has to deliver. */
  noteInput(nowMs: number): void {
    this.#flow(nowMs);
    this.#await(this.#signs, nowMs);
  }

  /** It has taken some of what waits for it. */
  noteTaken(): void {
    this.#waiting.delete(LIFE);
  }

  /** `count`: how many frames ffmpeg says it has encoded; or its audio time without video. */
  noteProgress(count: number): void {
    if (count <= this.#count) return;
    this.#count = count;
    this.#come("progress");
  }

  noteOutput(output: number): void {
    this.#come(`output ${output}`);
  }

  /** What is stuck, in words; null when all is well. `hasQueuedInput`: it has yet to take some. */
  check(nowMs: number, hasQueuedInput: boolean): string | null {
    if (hasQueuedInput) {
      this.#flow(nowMs);
      for (const waiting of this.#waiting.values()) waiting.inputs += 1;
      this.#await([LIFE], nowMs);
    }
    if (nowMs - this.#startedAtMs < START_GRACE_MS) return null;
    if (nowMs - this.#inputAtMs > this.#flowingMs) return null;
    for (const [sign, { sinceMs, inputs }] of this.#waiting) {
      const isStuck = nowMs - sinceMs > STALL_MS && inputs >= STALL_INPUTS;
      if (isStuck) return `no ${sign} for ${STALL_MS / 1000} s of input`;
    }
    return null;
  }

  #flow(nowMs: number): void {
    const stepMs = nowMs - this.#inputAtMs;
    if (stepMs > this.#flowingMs) this.#waiting.clear();
    this.#flowingMs = Math.max(FLOWING_MS, 2 * stepMs);
    this.#inputAtMs = nowMs;
  }

  #await(signs: readonly string[], nowMs: number): void {
    for (const sign of signs) {
      const waiting = this.#waiting.get(sign);
      if (waiting === undefined) this.#waiting.set(sign, { sinceMs: nowMs, inputs: 1 });
      else waiting.inputs += 1;
    }
  }

  #come(sign: string): void {
    this.#waiting.delete(sign);
    this.#waiting.delete(LIFE);
  }
}
