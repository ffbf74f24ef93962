/**
 * Cuts a rendition with video: segments start at keyframes, parts hold whole frames, and the audio
 * of a part is the frames that start within it.
 */
import { VIDEO_TIMESCALE, type VideoConfig, type VideoSample } from "../formats/media.ts";
import type { TimedAudioFrame } from "./audio-clock.ts";
import { FrameRhythm } from "./frame-rhythm.ts";
import { KeyframeRhythm } from "./keyframe-rhythm.ts";
import {
  type Cut,
  type CutPart,
  CutRule,
  type SegmentEnd,
  type Segmenter,
  type SegmenterOptions,
  ticksOf,
  type TimedVideoSample,
} from "./segmenter.ts";

/** A longer silence between two frames is a hole, not a frame that is shown for so long. */
const HOLE_TICKS = ticksOf(1000);
/** How far video may be ahead before a part stops waiting for its audio. */
const AUDIO_PATIENCE_TICKS = ticksOf(250);
const FIRST_AUDIO_PATIENCE_TICKS = ticksOf(1500);
/** Audio kept for a rendition whose video does not come. */
const MAX_AUDIO_TICKS = ticksOf(30_000);
/** Audio that is silent for longer does not carry a hole in the video. */
const AUDIO_STEP_TICKS = ticksOf(50);
/** How far audio may be behind the frame that ends a hole: later, it is taken for silence. */
const AUDIO_LAG_TICKS = ticksOf(150);
/** In what is left of a hole and shorter an AAC frame may not begin, and no part is empty. */
const MIN_FILL_TICKS = AUDIO_LAG_TICKS + AUDIO_STEP_TICKS;
/** RFC 8216bis 4.4.4.9: all but the last part of a segment last 85 % of PART-TARGET. */
const MIN_PART_SHARE = 0.85;

type WaitingPart = Omit<CutPart, "audio"> & { readonly dropsEarlierAudio: boolean };

/**
 * Parts lie end to end, whatever the frames do: what was published ends where it said it would, and
 * the frame after it begins there, though a clock that jumped says otherwise. So no segment lasts
 * longer or shorter than its parts, and the next one begins where it ends.
 */
export class VideoSegmenter implements Segmenter {
  readonly #rule: CutRule;
  readonly #partTargetTicks: number;
  readonly #minPartTicks: number;
  readonly #hasAudio: boolean;

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
  readonly #frames = new FrameRhythm(VIDEO_TIMESCALE, HOLE_TICKS);
  /** As the last frame came. */
  #lastDts = -Infinity;
  /** The open part: where it begins, its samples, and when the last of them ends. */
  #partDts = 0;
  #samples: TimedVideoSample[] = [];
  #endDts: number | null = null;

  /** Cuts whose audio may not be complete yet. */
  #waiting: (WaitingPart | SegmentEnd)[] = [];
  #audio: TimedAudioFrame[] = [];
  #audioEnd90k: number | null = null;

  constructor(options: SegmenterOptions) {
    this.#rule = new CutRule(options.segmentTargetMs);
    this.#keyframes = new KeyframeRhythm(ticksOf(options.segmentTargetMs));
    this.#partTargetTicks = options.partTargetMs === null
      ? Number.POSITIVE_INFINITY
      : ticksOf(options.partTargetMs);
    this.#minPartTicks = Math.ceil(this.#partTargetTicks * MIN_PART_SHARE);
    this.#hasAudio = options.hasAudio;
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
    const beginsSegment = this.#segment === null || this.#nextConfig !== null;
    if (beginsSegment && !sample.isKeyframe) return [];
    this.#frames.note(sample.dtsTicks);
    this.#closeHole(sample.dtsTicks);
    this.#lastDts = sample.dtsTicks;
    if (sample.isKeyframe) this.#keyframes.note(sample.dtsTicks);
    this.#take(sample);
    return this.#release(sample.dtsTicks + this.#offset);
  }

  pushAudio(frame: TimedAudioFrame): Cut[] {
    this.#audio.push(frame);
    this.#audioEnd90k = frame.end90k;
    const oldest = this.#audio[0];
    if (oldest !== undefined && frame.end90k - oldest.end90k > MAX_AUDIO_TICKS) this.#audio.shift();
    return this.#release(null);
  }

  breakTimeline(): Cut[] {
    const cuts = this.end();
    this.#isDiscontinuous = true;
    this.#endDts = null;
    return cuts;
  }

  end(): Cut[] {
    this.#endRun();
    return this.#release(Number.POSITIVE_INFINITY);
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
      return Math.min(
        Math.max(dts, last.dtsTicks + 1),
        this.#latestEndOf(last, this.#segment.startDts),
      );
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
      this.#rule.isDue(elapsedTicks, this.#keyframes.longestTicks)
    );
    const frameTicks = this.#ticksOf(sample);
    const mustCut = this.#nextConfig !== null || this.#rule.isOverdue(elapsedTicks + frameTicks);
    if (isDue || mustCut) {
      if (elapsedTicks > 0) this.#closeSegment(dts);
      this.#openSegment(dts, sample);
    } else if (this.#isLongEnough(dts) && this.#isTooLong(dts + frameTicks)) this.#closePart(dts);
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

  /** No frame came for long: what was heard meanwhile goes on alone, silence is a break in time. */
  #closeHole(dts: number): void {
    if (this.#endDts === null || dts - this.#endDts <= HOLE_TICKS) return;
    this.#keyframes.pause();
    const endDts = this.#settleEnd();
    if (this.#isHeard(endDts, dts)) return this.#fill(endDts, dts);
    this.#endRun();
    this.#isDiscontinuous = true;
    this.#endDts = null;
  }

  #isHeard(fromDts: number, untilDts: number): boolean {
    let reached90k = fromDts + this.#offset;
    for (const { start90k, end90k } of this.#audio) {
      if (start90k <= reached90k + AUDIO_STEP_TICKS) reached90k = Math.max(reached90k, end90k);
    }
    return reached90k >= untilDts + this.#offset - AUDIO_LAG_TICKS;
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
    const hasAudio = untilDts - this.#partDts >= MIN_FILL_TICKS || this.#beginsAudio(untilDts);
    this.#endDts = hasAudio ? untilDts : Math.max(fromDts, this.#partDts);
  }

  #beginsAudio(untilDts: number): boolean {
    const [from90k, until90k] = [this.#partDts + this.#offset, untilDts + this.#offset];
    return this.#audio.some(({ start90k }) => start90k >= from90k && start90k < until90k - 1);
  }

  /** `first`: no keyframe, or null, when none came in time. */
  #openSegment(startDts: number, first: VideoSample | null): void {
    if (first?.isKeyframe === true) this.#offset = first.compositionTicks;
    this.#segment = { startDts };
    this.#partDts = startDts;
    const videoConfig = first === null ? null : this.#nextConfig;
    this.#opensSegment = { isDiscontinuous: this.#isDiscontinuous, videoConfig };
    this.#isDiscontinuous = false;
    this.#cutAfterDts = Infinity;
    if (first !== null) this.#nextConfig = null;
  }

  #closeSegment(endDts: number): void {
    this.#closePart(endDts);
    this.#waiting.push({ kind: "segmentEnd", end90k: endDts + this.#offset });
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
    this.#waiting.push({
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

  /** The waiting cuts whose audio is there, or whose audio the video at `head90k` waits no more for. */
  #release(head90k: number | null): Cut[] {
    const cuts: Cut[] = [];
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.kind === "part" && !this.#isAudioThere(next.end90k, head90k)) break;
      this.#waiting.shift();
      cuts.push(next.kind === "part" ? this.#withAudio(next) : next);
    }
    return cuts;
  }

  #isAudioThere(end90k: number, head90k: number | null): boolean {
    if (!this.#hasAudio) return true;
    if (this.#audioEnd90k !== null && this.#audioEnd90k >= end90k) return true;
    const patience = this.#audioEnd90k === null ? FIRST_AUDIO_PATIENCE_TICKS : AUDIO_PATIENCE_TICKS;
    return head90k !== null && head90k - end90k > patience;
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
