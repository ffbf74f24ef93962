/**
 * Cuts a rendition with video: segments start at keyframes, parts hold whole frames, and the audio
 * of a part is the frames that start within it.
 */
import {
  type PictureAbsence,
  VIDEO_TIMESCALE,
  type VideoConfig,
  type VideoSample,
} from "../formats/media.ts";
import type { TimedAudioFrame } from "./audio-clock.ts";
import { FrameRhythm } from "./frame-rhythm.ts";
import { KeyframeRhythm } from "./keyframe-rhythm.ts";
import {
  type Cut,
  CutRule,
  type Segmenter,
  type SegmenterOptions,
  ticksOf,
  type TimedVideoSample,
} from "./segmenter.ts";
import { AUDIO_LAG_TICKS, WaitingCuts, type WaitingPart } from "./waiting-cuts.ts";

/** Frames may be as far apart as parts are long: a hole is longer than so many of them. */
const SLOW_PARTS = 3;
/** Steps of more say nothing about how far frames are apart. */
const MAX_FRAME_TICKS = ticksOf(10_000);
/** How long a picture that stands still is shown before it comes again, where there are no parts. */
const STILL_TICKS = ticksOf(500);
/** A frame or two of the source that an encoder has not delivered yet, or put on its grid. */
const UNDELIVERED_FRAMES = 2;
/** A gap of fewer is how clocks tremble. */
const BRIDGED_FRAMES = 1.5;
/** RFC 8216bis 4.4.4.9: all but the last part of a segment last 85 % of PART-TARGET. */
const MIN_PART_SHARE = 0.85;

/**
 * Parts lie end to end, whatever the frames do: what was published ends where it said it would, and
 * the frame after it begins there, though a clock that jumped says otherwise. So no segment lasts
 * longer or shorter than its parts, and the next one begins where it ends.
 */
export class VideoSegmenter implements Segmenter {
  readonly #rule: CutRule;
  readonly #partTargetTicks: number;
  readonly #minPartTicks: number;
  readonly #slowTicks: number;
  readonly #cuts: WaitingCuts;
  readonly #stillTicks: number;

  #segment: { readonly startDts: number } | null = null;
  /** Presentation minus decode time of its keyframe: what turns decode times into boundaries. */
  #offset = 0;
  #opensSegment: WaitingPart["opensSegment"] = null;
  #isDiscontinuous = false;
  #isFirstAfterBreak = true;
  /** What the next sample needs; null: it goes on as before. */
  #nextConfig: VideoConfig | null = null;
  /** The first keyframe after it begins a segment. */
  #cutAfterDts = Infinity;
  readonly #keyframes: KeyframeRhythm;
  readonly #frames = new FrameRhythm(VIDEO_TIMESCALE, MAX_FRAME_TICKS);
  /** As the last frame came. */
  #lastDts = -Infinity;
  /** The open part: where it begins, its samples, and when the last of them ends. */
  #partDts = 0;
  #samples: TimedVideoSample[] = [];
  #endDts: number | null = null;

  /** The newest picture that needs no other. */
  #keyframe: VideoSample | null = null;
  /** It stands in for pictures that do not come; what depends on those before it is of no use. */
  #isStill = false;
  /** It is the one that comes, shown before its time. */
  #isEarly = false;

  constructor(options: SegmenterOptions) {
    this.#rule = new CutRule(options.segmentTargetMs);
    this.#keyframes = new KeyframeRhythm(ticksOf(options.segmentTargetMs));
    this.#partTargetTicks = options.partTargetMs === null
      ? Number.POSITIVE_INFINITY
      : ticksOf(options.partTargetMs);
    this.#minPartTicks = Math.ceil(this.#partTargetTicks * MIN_PART_SHARE);
    this.#slowTicks = options.partTargetMs === null ? 0 : SLOW_PARTS * this.#partTargetTicks;
    this.#stillTicks = options.partTargetMs === null ? STILL_TICKS : this.#partTargetTicks;
    this.#cuts = new WaitingCuts(options.hasAudio);
  }

  useVideo(config: VideoConfig): void {
    this.#nextConfig = config;
  }

  cutAfter(dtsTicks: number): void {
    this.#cutAfterDts = dtsTicks;
  }

  get lastDtsTicks(): number {
    return this.#lastDts;
  }

  pushVideo(sample: VideoSample): Cut[] {
    if (sample.dtsTicks <= this.#lastDts) return [];
    const needsKeyframe = this.#segment === null || this.#nextConfig !== null || this.#isStill;
    if (needsKeyframe && !sample.isKeyframe) return [];
    this.#bridge(sample);
    this.#isStill = false;
    this.#closeHole(sample.dtsTicks);
    this.#frames.note(sample.dtsTicks);
    this.#lastDts = sample.dtsTicks;
    if (sample.isKeyframe) {
      this.#keyframes.note(sample.dtsTicks);
      this.#keyframe = sample;
    }
    this.#take(sample);
    return this.#cuts.release(sample.dtsTicks + this.#offset);
  }

  pushAudio(frame: TimedAudioFrame): Cut[] {
    this.#cuts.pushAudio(frame, this.#lastDts + this.#offset);
    return this.#cuts.release(null);
  }

  standStill({ sinceTicks, untilTicks, isFinal }: PictureAbsence): Cut[] {
    const missingTicks = (sinceTicks ?? -Infinity) - this.#lastDts;
    const isUndelivered = missingTicks > UNDELIVERED_FRAMES * this.#frames.frameTicks;
    if (isUndelivered && Number.isFinite(this.#lastDts)) return [];
    const untilDts = untilTicks - this.#offset - (isFinal ? 0 : AUDIO_LAG_TICKS);
    const audioDts = (this.#cuts.audioStart90k ?? untilTicks) - this.#offset;
    this.#showStillBetween(this.#endDts ?? audioDts, untilDts, isFinal);
    return this.#cuts.release(null);
  }

  /**
   * A short gap, longer than the picture before it may last: one that stands still goes on to its end,
   * and a keyframe comes early, so that its segment begins on time.
   */
  #bridge(sample: VideoSample): void {
    if (this.#segment === null || this.#isBehindHole(sample.dtsTicks)) return;
    const fromDts = this.#place(sample.dtsTicks);
    const isGap = sample.dtsTicks - fromDts > BRIDGED_FRAMES * this.#frames.frameTicks;
    if (!this.#isStill && !(isGap && sample.isKeyframe)) return;
    this.#isEarly = !this.#isStill;
    if (this.#isEarly) this.#keyframe = sample;
    this.#showStillBetween(fromDts, sample.dtsTicks, true);
    this.#isEarly = false;
  }

  /** `isToEnd`: also for what is left when it has been shown as often as there is room. */
  #showStillBetween(fromDts: number, untilDts: number, isToEnd: boolean): void {
    const keyframe = this.#keyframe;
    if (keyframe === null) return;
    let dts = fromDts;
    for (; dts + this.#stillTicks <= untilDts; dts = this.#endDts ?? Infinity) {
      this.#showStill(keyframe, dts, this.#stillTicks);
    }
    if (isToEnd && untilDts > dts) this.#showStill(keyframe, dts, untilDts - dts);
  }

  #showStill(keyframe: VideoSample, dts: number, durationTicks: number): void {
    if (!this.#isStill) this.#keyframes.pause();
    this.#isStill = true;
    this.#lastDts = dts;
    this.#take({ ...keyframe, dtsTicks: dts, durationTicks });
  }

  breakTimeline(): Cut[] {
    const cuts = this.end();
    this.#isDiscontinuous = true;
    this.#endDts = null;
    return cuts;
  }

  end(): Cut[] {
    this.#endRun();
    return this.#cuts.release(Number.POSITIVE_INFINITY);
  }

  #endRun(): void {
    if (this.#segment !== null) this.#closeSegment(this.#settleEnd());
    this.#lastDts = -Infinity;
    this.#isFirstAfterBreak = true;
  }

  #take(sample: VideoSample): void {
    const dts = this.#place(sample.dtsTicks);
    if (this.#segment === null) {
      if (sample.isKeyframe) this.#openSegment(dts, sample);
    } else {
      this.#settle(dts);
      this.#cutBefore(sample, dts);
    }
    if (this.#segment !== null) this.#append(sample, dts);
  }

  /**
   * Where a frame that came with `dts` begins: at the end of what was published; else where the
   * frame before it can last until then.
   */
  #place(dts: number): number {
    const last = this.#samples.at(-1);
    if (last !== undefined && this.#segment !== null) {
      const latestDts = this.#latestEndOf(last, this.#segment.startDts);
      return Math.min(Math.max(dts, last.dtsTicks + 1), latestDts);
    }
    return this.#endDts ?? dts;
  }

  /** RFC 8216bis 4.4.3.7, 4.4.3.1: no part is longer than PART-TARGET, no segment than its target. */
  #latestEndOf(last: TimedVideoSample, startDts: number): number {
    const mayBeginPart = last.dtsTicks - this.#partDts >= this.#minPartTicks;
    const partDts = mayBeginPart ? last.dtsTicks : this.#partDts;
    return Math.min(partDts + this.#partTargetTicks, startDts + this.#rule.maxTicks);
  }

  /** The last frame is shown until `dts`: when the part gets too long with it, it begins the next. */
  #settle(dts: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && this.#isTooLong(dts)) this.#closePart(last.dtsTicks);
  }

  /** The end of the last frame as far as it is known. */
  #settleEnd(): number {
    const endDts = this.#place(this.#endDts ?? 0);
    this.#settle(endDts);
    return endDts;
  }

  #cutBefore(sample: VideoSample, dts: number): void {
    if (this.#segment === null) return;
    const elapsedTicks = dts - this.#segment.startDts;
    const isDue = sample.isKeyframe && (
      sample.dtsTicks > this.#cutAfterDts ||
      this.#rule.isDue(elapsedTicks, this.#isStill ? 0 : this.#keyframes.longestTicks)
    );
    const frameTicks = this.#ticksOf(sample);
    const mustCut = this.#isDescribedAnew || this.#rule.isOverdue(elapsedTicks + frameTicks);
    if (isDue || mustCut) {
      if (elapsedTicks > 0) this.#closeSegment(dts);
      this.#openSegment(dts, sample);
    } else if (this.#isLongEnough(dts) && this.#isTooLong(dts + frameTicks)) this.#closePart(dts);
  }

  /** A picture that stands still is of the description before. */
  get #isDescribedAnew(): boolean {
    return this.#nextConfig !== null && (!this.#isStill || this.#isEarly);
  }

  #append(sample: VideoSample, dts: number): void {
    const durationTicks = this.#ticksOf(sample);
    this.#samples.push({ ...sample, dtsTicks: dts, durationTicks });
    const endDts = dts + durationTicks;
    this.#endDts = endDts;
    const isFull = this.#isLongEnough(endDts) && this.#isTooLong(endDts + durationTicks);
    // The next frame is not waited for when it is known where this one ends.
    if (sample.durationTicks > 0 && isFull && !this.#isTooLong(endDts)) this.#closePart(endDts);
  }

  /** As long as the frames before it when that is not known. */
  #ticksOf({ durationTicks }: VideoSample): number {
    return durationTicks || this.#frames.frameTicks;
  }

  #isLongEnough(endDts: number): boolean {
    return endDts - this.#partDts >= this.#minPartTicks;
  }

  #isTooLong(endDts: number): boolean {
    return endDts - this.#partDts > this.#partTargetTicks + 1;
  }

  #isBehindHole(dts: number): boolean {
    const holeTicks = Math.max(this.#frames.holeTicks, this.#slowTicks);
    return this.#endDts !== null && dts - this.#endDts > holeTicks;
  }

  /** No frame came for long: what was heard meanwhile goes on alone, silence is a break in time. */
  #closeHole(dts: number): void {
    if (!this.#isBehindHole(dts)) return;
    this.#keyframes.pause();
    const endDts = this.#settleEnd();
    const isHeard = this.#cuts.isHeard(endDts + this.#offset, dts + this.#offset);
    if (isHeard) return this.#fill(endDts, dts);
    this.#endRun();
    this.#isDiscontinuous = true;
    this.#endDts = null;
  }

  /** Parts, and segments where a keyframe was due, without a frame. */
  #fill(fromDts: number, untilDts: number): void {
    if (this.#segment === null) this.#openSegment(fromDts, null);
    const intervalTicks = this.#keyframes.longestTicks;
    for (let startDts = this.#segment?.startDts ?? fromDts;;) {
      const dueDts = Math.max(fromDts, startDts + this.#rule.expectedTicks(intervalTicks));
      const endDts = Math.min(dueDts, this.#partDts + this.#partTargetTicks);
      if (endDts >= untilDts) break;
      if (endDts === dueDts) {
        this.#closeSegment(endDts);
        this.#openSegment(endDts, null);
        startDts = endDts;
      } else this.#closePart(endDts);
    }
    const hasAudio = this.#cuts.canFill(this.#partDts + this.#offset, untilDts + this.#offset);
    this.#endDts = hasAudio ? untilDts : Math.max(fromDts, this.#partDts);
  }

  /** `first`: no keyframe, or null, when none came in time. */
  #openSegment(startDts: number, first: VideoSample | null): void {
    if (first?.isKeyframe === true) this.#offset = first.compositionTicks;
    this.#segment = { startDts };
    this.#partDts = startDts;
    const videoConfig = first !== null && this.#isDescribedAnew ? this.#nextConfig : null;
    this.#opensSegment = { isDiscontinuous: this.#isDiscontinuous, videoConfig };
    this.#isDiscontinuous = false;
    this.#cutAfterDts = Infinity;
    if (videoConfig !== null) this.#nextConfig = null;
  }

  #closeSegment(endDts: number): void {
    this.#closePart(endDts);
    this.#cuts.add({ kind: "segmentEnd", end90k: endDts + this.#offset });
    this.#segment = null;
    this.#endDts = endDts;
    this.#rule.noteSegment();
  }

  /** The frames that begin before `endDts`; what is left begins the next part. */
  #closePart(endDts: number): void {
    const startDts = this.#partDts;
    if (endDts <= startDts || this.#segment === null) return;
    const offset = this.#offset;
    const samples = this.#samples.filter(({ dtsTicks }) => dtsTicks < endDts);
    const [first] = samples;
    this.#cuts.add({
      kind: "part",
      opensSegment: this.#opensSegment,
      start90k: startDts + offset,
      end90k: endDts + offset,
      isIndependent: first?.isKeyframe === true && first.dtsTicks === startDts,
      video: samples.map((sample, index) => ({
        ...sample,
        durationTicks: (samples[index + 1]?.dtsTicks ?? endDts) - sample.dtsTicks,
      })),
      dropsEarlierAudio: this.#isFirstAfterBreak,
    });
    this.#samples = this.#samples.slice(samples.length);
    this.#partDts = endDts;
    this.#opensSegment = null;
    this.#isFirstAfterBreak = false;
  }
}
