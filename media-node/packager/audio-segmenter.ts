/**
 * Cuts a rendition without video: by time, between AAC frames.
 */
import type { TimedAudioFrame } from "./audio-clock.ts";
import { type Cut, CutRule, type Segmenter, type SegmenterOptions, ticksOf } from "./segmenter.ts";

/** A longer silence between two frames is a hole. */
const HOLE_TICKS = ticksOf(1000);

export class AudioSegmenter implements Segmenter {
  readonly #rule: CutRule;
  readonly #partTargetTicks: number;
  #segmentStart90k: number | null = null;
  #opensSegment: { readonly isDiscontinuous: boolean } | null = null;
  #isDiscontinuous = false;
  #frames: TimedAudioFrame[] = [];
  #end90k = 0;

  constructor(options: SegmenterOptions) {
    this.#rule = new CutRule(options.segmentTargetMs);
    this.#partTargetTicks = options.partTargetMs === null
      ? Number.POSITIVE_INFINITY
      : ticksOf(options.partTargetMs);
  }

  pushVideo(): Cut[] {
    return [];
  }

  pushAudio(frame: TimedAudioFrame): Cut[] {
    const cuts = this.#segmentStart90k !== null && frame.start90k - this.#end90k > HOLE_TICKS
      ? this.end()
      : [];
    if (this.#segmentStart90k === null) {
      this.#segmentStart90k = frame.start90k;
      this.#opensSegment = { isDiscontinuous: this.#isDiscontinuous };
      this.#isDiscontinuous = false;
    }
    this.#frames.push(frame);
    this.#end90k = frame.end90k;
    const frameTicks = frame.end90k - frame.start90k;
    // Every frame is a place to cut: the next one comes a frame later.
    if (this.#rule.isDue(frame.end90k - this.#segmentStart90k, frameTicks)) {
      cuts.push(...this.end());
    } else if (this.#isPartFull(frameTicks)) cuts.push(...this.#closePart());
    return cuts;
  }

  breakTimeline(): Cut[] {
    const cuts = this.end();
    this.#isDiscontinuous = true;
    return cuts;
  }

  end(): Cut[] {
    if (this.#segmentStart90k === null) return [];
    this.#segmentStart90k = null;
    this.#rule.noteSegment();
    return [...this.#closePart(), { kind: "segmentEnd", end90k: this.#end90k }];
  }

  #isPartFull(frameTicks: number): boolean {
    const start90k = this.#frames[0]?.start90k ?? this.#end90k;
    return this.#end90k - start90k + frameTicks > this.#partTargetTicks + 1;
  }

  #closePart(): Cut[] {
    const [first] = this.#frames;
    if (first === undefined) return [];
    const part: Cut = {
      kind: "part",
      opensSegment: this.#opensSegment,
      start90k: first.start90k,
      end90k: this.#end90k,
      isIndependent: true,
      video: [],
      audio: this.#frames,
    };
    this.#frames = [];
    this.#opensSegment = null;
    return [part];
  }
}
