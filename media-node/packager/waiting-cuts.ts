/**
 * Cuts of a rendition with video whose audio may not be complete yet, and the audio that waits for its
 * part: a part's audio is the frames that start within it.
 */
import type { TimedAudioFrame } from "./audio-clock.ts";
import { AudioPatience } from "./audio-patience.ts";
import { type Cut, type CutPart, type SegmentEnd, ticksOf } from "./segmenter.ts";

export type WaitingPart = Omit<CutPart, "audio"> & { readonly dropsEarlierAudio: boolean };

/** Audio kept for a rendition whose video does not come. */
const MAX_AUDIO_TICKS = ticksOf(30_000);
/** Audio that is silent for longer does not carry a hole in the video. */
const AUDIO_STEP_TICKS = ticksOf(50);
/** How far audio may be behind the frame that ends a hole: later, it is taken for silence. */
export const AUDIO_LAG_TICKS = ticksOf(150);
/** In what is left of a hole and shorter an AAC frame may not begin, and no part is empty. */
const MIN_FILL_TICKS = AUDIO_LAG_TICKS + AUDIO_STEP_TICKS;

export class WaitingCuts {
  readonly #patience: AudioPatience;
  #cuts: (WaitingPart | SegmentEnd)[] = [];
  #audio: TimedAudioFrame[] = [];

  /** `isAudioExpected`: from the first part on; else from the first frame of audio on. */
  constructor(isAudioExpected: boolean) {
    this.#patience = new AudioPatience(isAudioExpected);
  }

  add(cut: WaitingPart | SegmentEnd): void {
    this.#cuts.push(cut);
  }

  /** A frame of audio comes while the video is at `video90k` (-Infinity: has not begun). */
  pushAudio(frame: TimedAudioFrame, video90k: number): void {
    this.#audio.push(frame);
    this.#patience.note(frame.end90k, video90k);
    const oldest = this.#audio[0];
    if (oldest !== undefined && frame.end90k - oldest.end90k > MAX_AUDIO_TICKS) this.#audio.shift();
  }

  /** When the oldest audio that waits begins; null when none does. */
  get audioStart90k(): number | null {
    return this.#audio[0]?.start90k ?? null;
  }

  /** The cuts whose audio is there, or whose audio the video at `head90k` waits no more for. */
  release(head90k: number | null): Cut[] {
    const cuts: Cut[] = [];
    for (let next = this.#cuts[0]; next !== undefined; next = this.#cuts[0]) {
      if (next.kind === "part" && !this.#patience.isOver(next.end90k, head90k)) break;
      this.#cuts.shift();
      cuts.push(next.kind === "part" ? this.#withAudio(next) : next);
    }
    return cuts;
  }

  /** Whether audio carries all of the time from `from90k` until `until90k`. */
  isHeard(from90k: number, until90k: number): boolean {
    let reached90k = from90k;
    for (const { start90k, end90k } of this.#audio) {
      if (start90k <= reached90k + AUDIO_STEP_TICKS) reached90k = Math.max(reached90k, end90k);
    }
    return reached90k >= until90k - AUDIO_LAG_TICKS;
  }

  /** Whether a part that lasts from `from90k` until `until90k` has something in it. */
  canFill(from90k: number, until90k: number): boolean {
    return until90k - from90k >= MIN_FILL_TICKS ||
      this.#audio.some(({ start90k }) => start90k >= from90k && start90k < until90k - 1);
  }

  #withAudio(waiting: WaitingPart): CutPart {
    const { dropsEarlierAudio, ...part } = waiting;
    if (dropsEarlierAudio) {
      // A frame that straddles the start is kept: half a frame early is better than a hole.
      const isEarlier = (frame: TimedAudioFrame) =>
        (frame.start90k + frame.end90k) / 2 < part.start90k;
      while (this.#audio[0] !== undefined && isEarlier(this.#audio[0])) this.#audio.shift();
    }
    const count = this.#audio.findIndex((frame) => frame.start90k >= part.end90k - 1);
    const audio = this.#audio.splice(0, count === -1 ? this.#audio.length : count);
    return { ...part, audio };
  }
}
