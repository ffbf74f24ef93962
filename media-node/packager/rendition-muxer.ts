/**
 * One rung from samples to playlist: its segmenter decides, its fragments are written, its live
 * rendition and its recording get the bytes.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import {
  type AudioConfig,
  type PictureAbsence,
  VIDEO_TIMESCALE,
  type VideoConfig,
  type VideoSample,
} from "../formats/media.ts";
import type { Recording } from "../recorder/port.ts";
import type { TimedAudioFrame } from "./audio-clock.ts";
import { AudioRunWriter } from "./audio-run.ts";
import { aacCodecOf, avcCodecOf } from "../formats/mp4/codec-strings.ts";
import {
  type MuxRun,
  type Tracks,
  writeFragment,
  writeInitSegment,
} from "../formats/mp4/fragment-writer.ts";
import { FIRST_MSN } from "../hls/msn.ts";
import { parameterSetsOf, withParameterSets } from "../formats/codecs/parameter-sets.ts";
import type { LiveRendition } from "./rendition.ts";
import type { RestoredRendition } from "./restored-rendition.ts";
import type { Cut, CutPart, Segmenter, SegmentStart } from "./segmenter.ts";
import type { RenditionSpool } from "./spool.ts";

export type RenditionMuxerDeps = {
  readonly rendition: LiveRendition;
  /** For audio alone, or with pictures. */
  readonly createSegmenter: (hasVideo: boolean) => Segmenter;
  readonly hasVideo: boolean;
  /** Null: nothing is recorded. */
  readonly recording: Recording | null;
  /** Null: a crash ends the broadcast. */
  readonly spool: RenditionSpool | null;
};

export class RenditionMuxer {
  readonly rendition: LiveRendition;
  readonly #createSegmenter: RenditionMuxerDeps["createSegmenter"];
  #segmenter: Segmenter;
  #hasVideo: boolean;
  readonly #recording: Recording | null;
  readonly #spool: RenditionSpool | null;
  /** Captions come with the pictures. */
  hasCaptions = false;
  #isResumed = false;
  /** Null: the clock in force stays. */
  #nextClockMs: number | null = null;
  /** Of the newest samples: they may not be cut yet. */
  #videoConfig: VideoConfig | null = null;
  /** What is written. */
  #tracks: Tracks = { video: null, audio: null };
  #audioRun: AudioRunWriter | null = null;
  /** Audio that takes the place of what is written, from the first keyframe after a time on. */
  #nextAudio: { readonly config: AudioConfig; readonly afterDts: number } | null = null;
  /** The tracks of the init segment in force; null before the first. */
  #initTracks: Tracks | null = null;
  #sequenceNumber = 0;

  constructor(deps: RenditionMuxerDeps) {
    this.rendition = deps.rendition;
    this.#createSegmenter = deps.createSegmenter;
    this.#hasVideo = deps.hasVideo;
    this.#segmenter = deps.createSegmenter(deps.hasVideo);
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
      this.#recording.addSegment(this.name, { ...segment, bytes: segment.whole });
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
    if (!this.#hasVideo) this.#addVideo();
    this.#segmenter.useVideo(config);
    return before !== null;
  }

  /** `other` begins a segment with what follows: so does this one, if it has not gone past that. */
  cutWith(other: RenditionMuxer): void {
    const { lastDtsTicks } = other.#segmenter;
    if (this.#segmenter.lastDtsTicks <= lastDtsTicks) this.#segmenter.cutAfter(lastDtsTicks);
  }

  /** Sound alone so far: what is open is closed, and pictures join behind a discontinuity. */
  #addVideo(): void {
    this.breakTimeline();
    this.#hasVideo = true;
    this.#segmenter = this.#createSegmenter(true);
    this.#segmenter.breakTimeline();
  }

  /**
   * Another description of the audio. It begins at once where `afterDts` is null: nothing of the
   * broadcast was written. Else with the first segment that begins with a keyframe decoded after it, so that no picture is lost and all renditions change at one time.
   */
  setAudio(config: AudioConfig, afterDts: number | null): void {
    if (afterDts === null) return this.#useAudio(config);
    if (this.#hasVideo) this.#nextAudio = { config, afterDts };
    else {
      this.breakTimeline();
      this.#useAudio(config);
    }
  }

  #useAudio(config: AudioConfig): void {
    this.#nextAudio = null;
    this.#tracks = { ...this.#tracks, audio: config };
    this.#audioRun = new AudioRunWriter(config);
  }

  /** Something was written. */
  get hasBegun(): boolean {
    return this.#initTracks !== null;
  }

  /** Of the newest frame of video, in 1/90000 s; -Infinity before the first, and after a break. */
  get lastDtsTicks(): number {
    return this.#segmenter.lastDtsTicks;
  }

  /** Video without a config cannot be described, so it is left out. */
  pushVideo(sample: VideoSample): void {
    if (this.#videoConfig !== null) this.#handle(this.#segmenter.pushVideo(sample));
  }

  pushAudio(frame: TimedAudioFrame): void {
    this.#handle(this.#segmenter.pushAudio(frame));
  }

  standStill(absence: PictureAbsence): void {
    this.#handle(this.#segmenter.standStill(absence));
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
    const told = this.hasCaptions ? { ...segment, hasCaptions: true } : segment;
    this.#recording?.addSegment(this.name, told);
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
    const { video } = this.#tracks;
    const written = {
      startS: part.start90k / VIDEO_TIMESCALE,
      durationS: (part.end90k - part.start90k) / VIDEO_TIMESCALE,
      isIndependent: part.isIndependent,
      frames: part.video.length,
      bytes: writeFragment({
        sequenceNumber: this.#sequenceNumber,
        video: video === null ? null : videoRun(part, video),
        audio: this.#audioRun?.write(part) ?? null,
      }),
    };
    // Known to a successor before it is known to viewers.
    this.#spool?.addPart({ ...written, number: this.rendition.parts });
    this.rendition.addPart(written);
  }

  #openSegment(part: CutPart, { isDiscontinuous, videoConfig }: SegmentStart): void {
    if (videoConfig !== null) this.#tracks = { ...this.#tracks, video: videoConfig };
    const joining = this.#audioToJoin(part);
    if (joining !== null) this.#useAudio(joining);
    else if (isDiscontinuous) this.#audioRun?.break();
    const isFirst = this.#initTracks === null;
    const hasNewInit = isFirst || !isSameTracks(this.#tracks, this.#initTracks ?? this.#tracks);
    if (hasNewInit) this.#useInit();
    if (isDiscontinuous && this.#nextClockMs !== null) {
      this.rendition.useClock(this.#nextClockMs);
      this.#nextClockMs = null;
    }
    const segment = this.rendition.openSegment(part.start90k / VIDEO_TIMESCALE, {
      isDiscontinuous: (!isFirst || this.#isResumed) && (isDiscontinuous || joining !== null),
      isIndependent: part.isIndependent,
    });
    this.#spool?.openSegment(segment, this.rendition.windowStart);
  }

  #audioToJoin({ isIndependent, video }: CutPart): AudioConfig | null {
    const [first] = video;
    const next = this.#nextAudio;
    if (next === null || first === undefined || !isIndependent) return null;
    return first.dtsTicks > next.afterDts ? next.config : null;
  }

  #useInit(): void {
    const { video, audio } = this.#tracks;
    const init = {
      codecs: [
        ...(video === null ? [] : [avcCodecOf(video.avcC)]),
        ...(audio === null ? [] : [aacCodecOf(audio.asc)]),
      ],
      width: video?.displayWidth ?? video?.width ?? null,
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

function isSameTracks(one: Tracks, other: Tracks): boolean {
  return isSameVideo(one.video, other.video) && one.audio === other.audio;
}

function isSameVideo(one: VideoConfig | null, other: VideoConfig | null): boolean {
  if (one === null || other === null) return one === other;
  return one.width === other.width && one.height === other.height &&
    one.displayWidth === other.displayWidth && isSameBytes(one.avcC, other.avcC);
}

/** Whether both say the same to a decoder. */
export function isSameAudio(one: AudioConfig | null, other: AudioConfig | null): boolean {
  if (one === null || other === null) return one === other;
  return one.sampleRateHz === other.sampleRateHz && one.channels === other.channels &&
    one.samplesPerFrame === other.samplesPerFrame && isSameDecoder(one.asc, other.asc);
}

/** AAC-LC is what its rate and channels say; a longer config says in more words that it is nothing more. */
function isSameDecoder(one: Uint8Array, other: Uint8Array): boolean {
  if (isSameBytes(one, other)) return true;
  return [one, other].every((asc) => aacCodecOf(asc) === AAC_LC && channelConfigOf(asc) !== 0);
}

const AAC_LC = "mp4a.40.2";

/** 0: told by an element of the config. @see ISO/IEC 14496-3 1.6.2.1 */
function channelConfigOf(asc: Uint8Array): number {
  return ((asc[1] ?? 0) >> 3) & 15;
}

function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
