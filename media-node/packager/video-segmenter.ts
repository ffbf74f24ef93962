/**
 * Cuts a rendition with video: segments start at keyframes, parts hold whole frames, and the audio
 * of a part is the frames that start within it.
 */
import type { VideoSample } from "../media.ts";
import type { TimedAudioFrame } from "./audio-clock.ts";
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
const DEFAULT_FRAME_TICKS = ticksOf(1000 / 30);

type OpenSegment = {
  readonly startDts: number;
  /** Presentation minus decode time of its keyframe: what turns decode times into boundaries. */
  readonly offset: number;
};

type WaitingPart = Omit<CutPart, "audio"> & { readonly dropsEarlierAudio: boolean };

export class VideoSegmenter implements Segmenter {
  readonly #rule: CutRule;
  readonly #partTargetTicks: number;
  readonly #hasAudio: boolean;

  #segment: OpenSegment | null = null;
  #opensSegment: WaitingPart["opensSegment"] = null;
  #isDiscontinuous = false;
  #isFirstAfterBreak = true;
  readonly #keyframes: KeyframeRhythm;
  /** The open part's samples, and when the last of them ends. */
  #samples: TimedVideoSample[] = [];
  #endDts = 0;
  /** A sample whose duration only the next one tells. */
  #tail: VideoSample | null = null;
  #frameTicks = DEFAULT_FRAME_TICKS;

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
    this.#hasAudio = options.hasAudio;
  }

  pushVideo(sample: VideoSample): Cut[] {
    const headDts = this.#tail?.dtsTicks ?? this.#samples.at(-1)?.dtsTicks ?? this.#endDts - 1;
    if (this.#segment !== null && sample.dtsTicks <= headDts) return [];
    this.#settleTail(sample.dtsTicks);
    this.#cutBefore(sample);
    if (this.#segment === null) return [];
    if (this.#partTargetTicks < Infinity && sample.durationTicks > 0) {
      this.#append(sample, sample.durationTicks);
      if (this.#isPartFull()) this.#closePart(this.#endDts);
    } else this.#tail = sample;
    return this.#release(sample.dtsTicks + this.#segment.offset);
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
    return cuts;
  }

  end(): Cut[] {
    this.#settleTail(null);
    if (this.#segment !== null) this.#closeSegment(this.#endDts);
    this.#isFirstAfterBreak = true;
    return this.#release(Number.POSITIVE_INFINITY);
  }

  /** The tail is shown until `nextDts`; as long as the frames before it when that is not known. */
  #settleTail(nextDts: number | null): void {
    const tail = this.#tail;
    if (tail === null) return;
    this.#tail = null;
    const gapTicks = nextDts === null ? 0 : nextDts - tail.dtsTicks;
    const isKnown = gapTicks > 0 && gapTicks <= HOLE_TICKS;
    const durationTicks = isKnown ? gapTicks : tail.durationTicks || this.#frameTicks;
    // RFC 8216bis 4.4.3.7: a frame that lasted longer than expected begins a part of its own.
    if (this.#wouldOverfill(tail.dtsTicks + durationTicks)) this.#closePart(tail.dtsTicks);
    this.#append(tail, durationTicks);
  }

  #append(sample: VideoSample, durationTicks: number): void {
    const start = this.#samples[0]?.dtsTicks ?? sample.dtsTicks;
    // A frame that is shown longer than those before it: the part ends without it.
    const isTooLong = sample.dtsTicks + durationTicks - start > this.#partTargetTicks + 1;
    if (isTooLong) this.#closePart(sample.dtsTicks);
    this.#samples.push({ ...sample, durationTicks });
    this.#frameTicks = durationTicks;
    this.#endDts = sample.dtsTicks + durationTicks;
  }

  #cutBefore(sample: VideoSample): void {
    const dts = sample.dtsTicks;
    if (sample.isKeyframe) this.#keyframes.note(dts);
    if (this.#segment === null) {
      if (sample.isKeyframe) this.#openSegment(sample);
      return;
    }
    const { startDts } = this.#segment;
    const isDue = sample.isKeyframe &&
      this.#rule.isDue(dts - startDts, this.#keyframes.longestTicks);
    if (isDue || this.#rule.isOverdue(dts + this.#frameTicks - startDts)) {
      const isAfterHole = dts - this.#endDts > HOLE_TICKS;
      this.#closeSegment(
        isAfterHole ? this.#endDts : Math.min(dts, startDts + this.#rule.maxTicks),
      );
      this.#openSegment(sample);
      return;
    }
    if (this.#isPartFull()) this.#closePart(dts);
  }

  /** One more frame would make the part too long. */
  #isPartFull(): boolean {
    return this.#wouldOverfill(this.#endDts + this.#frameTicks);
  }

  /** RFC 8216bis 4.4.3.7: no part is longer than PART-TARGET. */
  #wouldOverfill(endDts: number): boolean {
    const first = this.#samples[0];
    return first !== undefined && endDts - first.dtsTicks > this.#partTargetTicks + 1;
  }

  #openSegment(keyframe: VideoSample): void {
    this.#segment = {
      startDts: keyframe.dtsTicks,
      offset: keyframe.compositionTicks,
    };
    this.#opensSegment = { isDiscontinuous: this.#isDiscontinuous };
    this.#isDiscontinuous = false;
  }

  #closeSegment(endDts: number): void {
    this.#closePart(endDts);
    this.#waiting.push({ kind: "segmentEnd", end90k: endDts + (this.#segment?.offset ?? 0) });
    this.#segment = null;
    this.#rule.noteSegment();
  }

  #closePart(endDts: number): void {
    const [first] = this.#samples;
    if (first === undefined || this.#segment === null) return;
    const { offset } = this.#segment;
    this.#waiting.push({
      kind: "part",
      opensSegment: this.#opensSegment,
      start90k: first.dtsTicks + offset,
      end90k: endDts + offset,
      isIndependent: first.isKeyframe,
      video: this.#samples,
      dropsEarlierAudio: this.#isFirstAfterBreak,
    });
    this.#samples = [];
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
