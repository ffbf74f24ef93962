/**
 * Whether a source sends more than can be passed on, and whether it sends evenly. In media time: what
 * the network does to the frames on their way is no fault of the encoder's rate.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import { type MediaFrame, VIDEO_TIMESCALE } from "../../formats/media.ts";
import { roundTo } from "./round-to.ts";

/** Encoders hold a rate over some groups of pictures, not over one. */
const MEAN_S = 10;
/** The rate control of every encoder has settled by then, and a quiet scene alone does not fill it. */
const STEADY_S = 30;
/** As much as a source may declare above the ceiling and still be copied. */
const OVER_CEILING = 1.1;
/**
 * A second against the mean. An encoder with a constant rate fills at most its buffer on top of its
 * rate, and buffers hold one second, at the most two: it stays below 3. Constant quality reaches 5 to
 * 20 between a slide and a moving picture.
 */
const MAX_PEAK = 3.5;

type Second = { readonly second: number; bytes: number; keyframeBytes: number };

export type BitrateOptions = {
  /** What the video may have at most to be passed on as it is; null: whatever it has. */
  readonly ceilingBps: number | null;
  /** What the encoder says it sends, if it does. */
  readonly declaredBps: number | null;
};

/** Feed it every frame of video. */
export class Bitrate {
  readonly #options: BitrateOptions;
  #seconds: readonly Second[] = [];

  constructor(options: BitrateOptions) {
    this.#options = options;
  }

  push({ dtsTicks, isKeyframe, data }: MediaFrame): void {
    const second = this.#secondOf(Math.floor(dtsTicks / VIDEO_TIMESCALE));
    second.bytes += data.length;
    if (isKeyframe) second.keyframeBytes += data.length;
  }

  get findings(): Finding[] {
    return [this.#high, this.#unsteady].filter((finding) => finding !== null);
  }

  get #high(): Finding | null {
    const { ceilingBps } = this.#options;
    const meanBps = this.#meanBps(MEAN_S);
    if (ceilingBps === null || meanBps <= ceilingBps * OVER_CEILING) return null;
    return {
      code: "BITRATE_HIGH",
      measured: roundTo(2, meanBps / 1e6),
      wanted: roundTo(2, ceilingBps / 1e6),
    };
  }

  get #unsteady(): Finding | null {
    const meanBps = this.#meanBps(STEADY_S);
    // An encoder that keeps its word is steady, though a still picture takes less than it may.
    const steadyBps = Math.max(meanBps, this.#options.declaredBps ?? 0);
    // Keyframes are many times larger than the frames between them, at any rate control.
    const peakBps = Math.max(
      0,
      ...this.#complete.map(({ bytes, keyframeBytes }) => (bytes - keyframeBytes) * 8),
    );
    const isSteady = meanBps === 0 || peakBps <= steadyBps * MAX_PEAK;
    if (isSteady) return null;
    return { code: "BITRATE_UNSTEADY", measured: roundTo(1, peakBps / meanBps), wanted: 1 };
  }

  /** 0 before there are so many complete seconds. */
  #meanBps(seconds: number): number {
    const last = this.#seconds.at(-1)?.second ?? 0;
    const first = this.#seconds[0]?.second ?? last;
    // The first second and the running one are not complete.
    if (last - first <= seconds) return 0;
    const recent = this.#complete.filter(({ second }) => second >= last - seconds);
    return recent.reduce((total, { bytes }) => total + bytes * 8, 0) / seconds;
  }

  get #complete(): readonly Second[] {
    return this.#seconds.slice(1, -1);
  }

  #secondOf(second: number): Second {
    const last = this.#seconds.at(-1);
    if (last !== undefined && last.second >= second) return last;
    const next = { second, bytes: 0, keyframeBytes: 0 };
    const oldest = second - STEADY_S - 1;
    this.#seconds = [...this.#seconds.filter((one) => one.second >= oldest), next];
    return next;
  }
}
