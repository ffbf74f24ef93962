/**
 * Cuts a rendition without video: by time, between AAC frames.
 */
import type { TimedAudioFrame } from "./audio-clock.ts";
import {
  type Cut,
  CutRule,
  type Segmenter,
  type SegmenterOptions,
  type SegmentStart,
  ticksOf,
} from "./segmenter.ts";

/** A longer silence between two frames is a break in time. */
const HOLE_TICKS = ticksOf(100);

export class AudioSegmenter implements Segmenter {
  readonly #rule: CutRule;
  readonly #partTargetTicks: number;
  #segmentStart90k: number | null = null;
  #opensSegment: SegmentStart | null = null;
  #isDiscontinuous = false;
  /** The open part: where it begins, its frames, and when the last of them ends. */
  #part90k = 0;
  #frames: TimedAudioFrame[] = [];
  #end90k: number | null = null;

  constructor(options: SegmenterOptions) {
    this.#rule = new CutRule(options.segmentTargetMs);
    this.#partTargetTicks = options.partTargetMs === null
      ? Number.POSITIVE_INFINITY
      : ticksOf(options.partTargetMs);
  }

  readonly lastDtsTicks = -Infinity;

  useVideo(): void {}

  cutAfter(): void {}

  pushVideo(): Cut[] {
    return [];
  }

  standStill(): Cut[] {
    return [];
  }

  pushAudio(frame: TimedAudioFrame): Cut[] {
    const isAfterHole = frame.start90k - (this.#end90k ?? frame.start90k) > HOLE_TICKS;
    const cuts = isAfterHole ? this.breakTimeline() : [];
    if (this.#segmentStart90k === null) {
      // Within a run a segment begins where the one before ended.
      this.#part90k = this.#end90k ?? frame.start90k;
      this.#segmentStart90k = this.#part90k;
      this.#opensSegment = { isDiscontinuous: this.#isDiscontinuous, videoConfig: null };
      this.#isDiscontinuous = false;
    }
    // A short silence within a part may leave no room for the frame after it.
    if (this.#isTooLong(frame.end90k)) {
      cuts.push(
        ...this.#closePart(Math.min(frame.start90k, this.#part90k + this.#partTargetTicks)),
      );
    }
    this.#frames.push(frame);
    this.#end90k = frame.end90k;
    const frameTicks = frame.end90k - frame.start90k;
    // Every frame is a place to cut: the next one comes a frame later.
    if (this.#rule.isDue(frame.end90k - this.#segmentStart90k, frameTicks)) {
      cuts.push(...this.end());
    } else if (this.#isTooLong(frame.end90k + frameTicks)) {
      cuts.push(...this.#closePart(frame.end90k));
    }
    return cuts;
  }

  breakTimeline(): Cut[] {
    const cuts = this.end();
    this.#isDiscontinuous = true;
    this.#end90k = null;
    return cuts;
  }

  end(): Cut[] {
    const end90k = this.#end90k;
    if (this.#segmentStart90k === null || end90k === null) return [];
    this.#segmentStart90k = null;
    this.#rule.noteSegment();
    return [...this.#closePart(end90k), { kind: "segmentEnd", end90k }];
  }

  #isTooLong(end90k: number): boolean {
    return end90k - this.#part90k > this.#partTargetTicks + 1;
  }

  #closePart(end90k: number): Cut[] {
    if (this.#frames.length === 0) return [];
    const part: Cut = {
      kind: "part",
      opensSegment: this.#opensSegment,
      start90k: this.#part90k,
      end90k,
      isIndependent: true,
      video: [],
      audio: this.#frames,
    };
    this.#frames = [];
    this.#part90k = end90k;
    this.#opensSegment = null;
    return [part];
  }
}
