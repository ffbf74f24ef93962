/**
 * One rung from samples to playlist: its segmenter decides, its fragments are written, its live
 * rendition and its recording get the bytes.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import {
  type AudioConfig,
  VIDEO_TIMESCALE,
  type VideoConfig,
  type VideoSample,
} from "../formats/media.ts";
import type { Recording } from "../recorder/port.ts";
import type { TimedAudioFrame } from "./audio-clock.ts";
import { aacCodecOf, avcCodecOf } from "../formats/codecs/codec-strings.ts";
import {
  type MuxRun,
  type Tracks,
  writeFragment,
  writeInitSegment,
} from "../formats/mp4/fragment-writer.ts";
import { FIRST_MSN } from "./live-window.ts";
import { parameterSetsOf, withParameterSets } from "../formats/codecs/parameter-sets.ts";
import type { LiveRendition, RestoredRendition } from "./rendition.ts";
import type { Cut, CutPart, Segmenter, SegmentStart } from "./segmenter.ts";
import type { RenditionSpool } from "./spool.ts";

export type RenditionMuxerDeps = {
  readonly rendition: LiveRendition;
  readonly segmenter: Segmenter;
  /** Null: nothing is recorded. */
  readonly recording: Recording | null;
  /** Null: a crash ends the broadcast. */
  readonly spool: RenditionSpool | null;
};

export class RenditionMuxer {
  readonly rendition: LiveRendition;
  readonly #segmenter: Segmenter;
  readonly #recording: Recording | null;
  readonly #spool: RenditionSpool | null;
  #isResumed = false;
  /** Null: the clock in force stays. */
  #nextClockMs: number | null = null;
  /** Of the newest samples: they may not be cut yet. */
  #videoConfig: VideoConfig | null = null;
  /** What is written. */
  #tracks: Tracks = { video: null, audio: null };
  /** The tracks of the init segment in force; null before the first. */
  #initTracks: Tracks | null = null;
  #sequenceNumber = 0;

  constructor(deps: RenditionMuxerDeps) {
    this.rendition = deps.rendition;
    this.#segmenter = deps.segmenter;
    this.#recording = deps.recording;
    this.#spool = deps.spool;
  }

  /** Goes on where another process stopped; what only its spool had is recorded now. */
  restore(saved: RestoredRendition): void {
    this.rendition.restore(saved);
    this.#isResumed = saved.nextMsn > FIRST_MSN;
    this.#spool?.adopt(saved.kept.map(({ msn }) => msn));
    for (const [number, init] of saved.inits) {
      this.#spool?.addInit(number, init);
      this.#recording?.addInit(this.name, { ...init, number });
    }
    for (const segment of saved.kept) {
      if (this.#recording?.isStored(this.name, segment.msn) !== false) continue;
      const parts = segment.parts.map(({ bytes }) => bytes);
      this.#recording.addSegment(this.name, {
        ...segment,
        durationS: segment.durationS ?? 0,
        parts,
      });
    }
    this.#segmenter.breakTimeline();
  }

  get name(): RenditionName {
    return this.rendition.name;
  }

  /**
   * Another description is no break in time: an engine may change what a rung shows and go on, and
   * what is heard until its first picture comes is heard. Whether it replaces one in force.
   */
  setVideo(config: VideoConfig): boolean {
    const before = this.#videoConfig;
    if (isSameVideo(config, before)) return false;
    this.#videoConfig = config;
    this.#segmenter.useVideo(config);
    return before !== null;
  }

  /** `other` begins a segment with what follows: so does this one, if it has not gone past that. */
  cutWith(other: RenditionMuxer): void {
    const { lastDtsTicks } = other.#segmenter;
    if (this.#segmenter.lastDtsTicks <= lastDtsTicks) this.#segmenter.cutAfter(lastDtsTicks);
  }

  /** What is open is closed with the track before. */
  setAudio(config: AudioConfig): void {
    if (this.#initTracks !== null) this.breakTimeline();
    this.#tracks = { ...this.#tracks, audio: config };
  }

  /** Video without a config cannot be described, so it is left out. */
  pushVideo(sample: VideoSample): void {
    if (this.#videoConfig !== null) this.#handle(this.#segmenter.pushVideo(sample));
  }

  pushAudio(frame: TimedAudioFrame): void {
    this.#handle(this.#segmenter.pushAudio(frame));
  }

  breakTimeline(): void {
    this.#handle(this.#segmenter.breakTimeline());
  }

  /** The wall clock of the segments after the next break. */
  useClock(wallClockAtZeroMs: number): void {
    this.#nextClockMs = wallClockAtZeroMs;
  }

  /** Closes what is open. */
  finish(): void {
    this.#handle(this.#segmenter.end());
  }

  /** The recording is complete, or there is none. */
  release(): void {
    this.#spool?.remove();
  }

  #handle(cuts: readonly Cut[]): void {
    for (const cut of cuts) {
      if (cut.kind === "part") this.#writePart(cut);
      else this.#closeSegment(cut.end90k);
    }
  }

  #closeSegment(end90k: number): void {
    const segment = this.rendition.closeSegment(end90k / VIDEO_TIMESCALE);
    if (segment === null) return;
    this.#recording?.addSegment(this.name, segment);
    this.#spool?.closeSegment(segment.durationS);
    this.#spool?.prune((msn) =>
      this.#recording === null
        ? msn >= this.rendition.windowStart.msn
        : !this.#recording.isStored(this.name, msn)
    );
  }

  #writePart(part: CutPart): void {
    if (part.opensSegment !== null) this.#openSegment(part, part.opensSegment);
    this.#sequenceNumber += 1;
    const { video, audio } = this.#tracks;
    const written = {
      startS: part.start90k / VIDEO_TIMESCALE,
      durationS: (part.end90k - part.start90k) / VIDEO_TIMESCALE,
      isIndependent: part.isIndependent,
      frames: part.video.length,
      bytes: writeFragment({
        sequenceNumber: this.#sequenceNumber,
        video: video === null ? null : videoRun(part, video),
        audio: audio === null ? null : audioRun(part, audio),
      }),
    };
    // Known to a successor before it is known to viewers.
    this.#spool?.addPart({ ...written, number: this.rendition.parts });
    this.rendition.addPart(written);
  }

  #openSegment(part: CutPart, { isDiscontinuous, videoConfig }: SegmentStart): void {
    if (videoConfig !== null) this.#tracks = { ...this.#tracks, video: videoConfig };
    const isFirst = this.#initTracks === null;
    const hasNewInit = isFirst || !isSameTracks(this.#tracks, this.#initTracks ?? this.#tracks);
    if (hasNewInit) this.#useInit();
    if (isDiscontinuous && this.#nextClockMs !== null) {
      this.rendition.useClock(this.#nextClockMs);
      this.#nextClockMs = null;
    }
    const segment = this.rendition.openSegment(part.start90k / VIDEO_TIMESCALE, {
      isDiscontinuous: (!isFirst || this.#isResumed) && isDiscontinuous,
      isIndependent: part.isIndependent,
    });
    this.#spool?.openSegment(segment, this.rendition.windowStart);
  }

  #useInit(): void {
    const { video, audio } = this.#tracks;
    const init = {
      codecs: [
        ...(video === null ? [] : [avcCodecOf(video.avcC)]),
        ...(audio === null ? [] : [aacCodecOf(audio.asc)]),
      ],
      width: video?.width ?? null,
      height: video?.height ?? null,
      bytes: writeInitSegment(this.#tracks),
    };
    this.#initTracks = this.#tracks;
    const number = this.rendition.useInit(init);
    this.#spool?.addInit(number, init);
    this.#recording?.addInit(this.name, { ...init, number });
  }
}

function videoRun(part: CutPart, { avcC }: VideoConfig): MuxRun | null {
  const [first] = part.video;
  if (first === undefined) return null;
  return {
    decodeTicks: first.dtsTicks,
    // A sample lasts until the next one is decoded, so that a hole stays where it was.
    samples: part.video.map((sample, index) => ({
      durationTicks: (part.video[index + 1]?.dtsTicks ??
        sample.dtsTicks + Math.round(sample.durationTicks)) - sample.dtsTicks,
      compositionTicks: sample.compositionTicks,
      isSync: sample.isKeyframe,
      data: sample.isKeyframe ? withParameterSets(sample.data, parameterSetsOf(avcC)) : sample.data,
    })),
  };
}

function audioRun(part: CutPart, config: AudioConfig): MuxRun | null {
  const frames = part.audio.filter((frame) => frame.config === config);
  const [first] = frames;
  if (first === undefined) return null;
  return {
    decodeTicks: first.startTicks,
    // A frame lasts until the next one, so that a hole stays where it was.
    samples: frames.map((frame, index) => ({
      durationTicks: (frames[index + 1]?.startTicks ?? frame.startTicks + frame.durationTicks) -
        frame.startTicks,
      compositionTicks: 0,
      isSync: true,
      data: frame.data,
    })),
  };
}

function isSameTracks(one: Tracks, other: Tracks): boolean {
  return isSameVideo(one.video, other.video) && one.audio === other.audio;
}

function isSameVideo(one: VideoConfig | null, other: VideoConfig | null): boolean {
  if (one === null || other === null) return one === other;
  return one.width === other.width && one.height === other.height &&
    isSameBytes(one.avcC, other.avcC);
}

/** Whether both say the same to a decoder. */
export function isSameAudio(one: AudioConfig | null, other: AudioConfig | null): boolean {
  if (one === null || other === null) return one === other;
  return one.sampleRateHz === other.sampleRateHz && one.channels === other.channels &&
    one.samplesPerFrame === other.samplesPerFrame && isSameBytes(one.asc, other.asc);
}

function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
