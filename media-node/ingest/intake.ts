/**
 * The first look at a publisher's media: parks its frames until it is known what there is to carry,
 * then hands them on, and says when the source changes.
 */
import { messageOf } from "#shared/errors.ts";
import type { MediaFrame } from "../formats/media.ts";
import { ptsTicksOf, TICKS_PER_MS } from "../formats/media.ts";
import { deadlineMsOf, type TrackHope } from "./first-look.ts";
import type { IntakeFindings } from "./findings.ts";
import { Normaliser } from "./normalise.ts";
import type { WireTag } from "./port.ts";
import type { Source } from "./source.ts";
import { SourceObserver } from "./source-facts.ts";
import type { Timeline } from "./timeline.ts";

export interface IntakeEvents {
  /** Before the first frame, and again before the first frame of a source that changed. */
  onSource(source: Source): void;
  onFrame(frame: MediaFrame): void;
  /** Its pictures have captions. */
  onCaptions(): void;
  /** The source turns out not to be what it says: it must not be shown as it is. */
  onMistrust(reason: string): void;
  /** Something we cannot carry, in a sentence. */
  onUnsupported(sentence: string): void;
}

const MAX_PARKED_BYTES = 8 * 1024 * 1024;
/** A publisher whose media cannot be read is told so after this. */
const UNREADABLE_MS = 10_000;
/** Audio this long before the first picture is not heard. */
const LEAD_TICKS = 100 * TICKS_PER_MS;
const MISFLAGGED = "its keyframes are not where it says";
const UNREADABLE_VIDEO =
  "The video is no H.264 that can be read: start the encoder's stream again, or use another encoder.";
const UNCONFIGURED_AUDIO =
  "The sound comes as AAC without its configuration, so nobody can decode it: start the encoder's stream again.";

export class Intake {
  readonly #events: IntakeEvents;
  readonly #normaliser: Normaliser;
  readonly #observer = new SourceObserver();
  readonly #isReturn: boolean;
  #parked: MediaFrame[] | null = [];
  #parkedBytes = 0;
  #videoFrames = 0;
  /** Clock (performance.now) of the first frame of each track. */
  #firstAtMs: { video: number | null; audio: number | null } = { video: null, audio: null };
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #unreadable: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #source: Source | null = null;
  /** A track's description changed: the source is told anew with the track's next frame. */
  #isStale = false;
  #lateTrack: IntakeFindings["lateTrack"] = null;
  #isMistrusted = false;
  #hasCaptions = false;

  /** `isReturn`: the broadcast runs already. */
  constructor(timeline: Timeline, events: IntakeEvents, isReturn = false) {
    this.#events = events;
    this.#isReturn = isReturn;
    this.#normaliser = new Normaliser(timeline, {
      onMetadata: (metadata) => this.#observer.noteMetadata(metadata),
      onVideoTrack: (track, sps) => {
        this.#observer.useVideo(track, sps);
        this.#isStale = true;
      },
      onAudioTrack: (track) => {
        this.#observer.useAudio(track);
        this.#isStale = true;
      },
      onFrame: (frame) => this.#take(frame),
      onUnsupported: (sentence) => this.#refuse(sentence),
    });
  }

  get findings(): IntakeFindings {
    return { ...this.#normaliser.findings, lateTrack: this.#lateTrack };
  }

  push(tag: WireTag): void {
    if (this.#isStopped) return;
    this.#unreadable ??= setTimeout(() => this.#refuseUnreadable(), UNREADABLE_MS);
    this.#normaliser.push(tag);
  }

  /** Nothing more comes: hands on what waits, then nothing. */
  finish(): void {
    if (!this.#isStopped) this.#normaliser.flush();
    if (!this.#isReturn) this.#refuseUnreadable();
    // Who leaves while more is waited for has sent what it has sent.
    if (this.#parked !== null && this.#parked.length > 0) this.#goOn();
    this.stop();
  }

  /** Nothing is handed on any more. */
  stop(): void {
    this.#isStopped = true;
    this.#parked = null;
    clearTimeout(this.#deadline);
    clearTimeout(this.#unreadable);
  }

  #take(frame: MediaFrame): void {
    if (this.#isStopped) return;
    const isVideo = frame.track === "video";
    // Decoding begins with a keyframe: what comes before it is of no use.
    if (isVideo && this.#videoFrames === 0 && !frame.isKeyframe) return;
    if (isVideo) this.#videoFrames += 1;
    this.#firstAtMs[frame.track] ??= performance.now();
    this.#observer.note(frame);
    if (this.#parked !== null) return this.#park(this.#parked, frame);
    if (this.#isStale) this.#tellChange(frame);
    this.#noteFlags();
    this.#noteCaptions();
    if (!this.#isStopped) this.#events.onFrame(frame);
  }

  #park(parked: MediaFrame[], frame: MediaFrame): void {
    parked.push(frame);
    this.#parkedBytes += frame.data.length;
    this.#look();
  }

  /** Goes on when there is nothing left to wait for; else waits as long as it is worth. */
  #look(): void {
    clearTimeout(this.#deadline);
    const hopes = { video: this.#hopeOf("video"), audio: this.#hopeOf("audio") };
    const isRateKnown = this.#observer.facts().video?.fps != null;
    const waitMs = deadlineMsOf({
      ...hopes,
      videoFrames: this.#videoFrames,
      isRateKnown,
      isReturn: this.#isReturn,
    });
    if (waitMs === null) return;
    const firstAtMs = this.#firstAtMs.video ?? this.#firstAtMs.audio ?? 0;
    const restMs = this.#parkedBytes > MAX_PARKED_BYTES
      ? 0
      : firstAtMs + waitMs - performance.now();
    if (restMs <= 0) return this.#announce();
    this.#deadline = setTimeout(() => this.#goOn(), restMs);
  }

  #hopeOf(track: "video" | "audio"): TrackHope {
    if (this.#firstAtMs[track] !== null) return "here";
    if (track === "video" && this.#normaliser.hasVideoConfig) return "declared";
    const isHeard = this.#observer.audio !== null || this.#normaliser.isHoldingAudio;
    if (track === "audio" && isHeard) return "declared";
    const declared = this.#observer.declares(track);
    if (declared === null) return "unknown";
    return declared ? "declared" : "absent";
  }

  #goOn(): void {
    if (this.#parked === null) return;
    try {
      this.#announce();
    } catch (error) {
      // Inside a tag's call the ingest server would drop this publisher alone; a timer has nobody.
      this.#refuse(`The source cannot be read: ${messageOf(error)}`);
    }
  }

  #announce(): void {
    clearTimeout(this.#deadline);
    const parked = this.#parked ?? [];
    this.#parked = null;
    this.#normaliser.stopHolding();
    this.#isMistrusted = this.#normaliser.isMisflagged;
    this.#tellSource();
    this.#noteCaptions();
    const firstVideo = parked.find(({ track }) => track === "video");
    const fromTicks = firstVideo === undefined ? 0 : ptsTicksOf(firstVideo) - LEAD_TICKS;
    for (const frame of parked) {
      const isHeard = frame.track === "video" || frame.dtsTicks >= fromTicks;
      if (isHeard && !this.#isStopped) this.#events.onFrame(frame);
    }
  }

  /** A track has joined, or its description has changed: told before the frame that needs it. */
  #tellChange({ track }: MediaFrame): void {
    const before = this.#source;
    if (before === null || before[track] === this.#observer[track]) return;
    if (before[track] === null) this.#lateTrack ??= track;
    this.#tellSource();
  }

  /** A track that is described and of which no frame has come is told with its first one. */
  #tellSource(): void {
    const source = this.#describe();
    this.#source = source;
    this.#isStale = source.video !== this.#observer.video || source.audio !== this.#observer.audio;
    this.#events.onSource(source);
  }

  #noteFlags(): void {
    if (this.#isMistrusted || !this.#normaliser.isMisflagged) return;
    this.#isMistrusted = true;
    this.#events.onMistrust(MISFLAGGED);
  }

  #noteCaptions(): void {
    if (this.#hasCaptions || !this.#normaliser.hasCaptions) return;
    this.#hasCaptions = true;
    this.#events.onCaptions();
  }

  /** A configuration without frames is no track yet. */
  #describe(): Source {
    const facts = this.#observer.facts();
    const { isCommonFormat, hasBFrames } = this.#observer;
    const hasVideo = this.#videoFrames > 0;
    const hasAudio = this.#firstAtMs.audio !== null;
    const copyObstacle = this.#normaliser.isMisflagged ? MISFLAGGED : null;
    return {
      facts: {
        ...facts,
        video: hasVideo ? facts.video : null,
        audio: hasAudio ? facts.audio : null,
      },
      details: { isCommonFormat, hasBFrames, copyObstacle },
      video: hasVideo ? this.#observer.video : null,
      audio: hasAudio ? this.#observer.audio : null,
      isAudioAwaited: !hasAudio && this.#hopeOf("audio") !== "absent",
    };
  }

  #refuseUnreadable(): void {
    if (this.#firstAtMs.video !== null || this.#firstAtMs.audio !== null) return;
    const { isVideoUnreadable, isHoldingAudio, findings } = this.#normaliser;
    if (isVideoUnreadable) this.#refuse(UNREADABLE_VIDEO);
    else if (isHoldingAudio || findings.audioWithoutConfig) this.#refuse(UNCONFIGURED_AUDIO);
  }

  #refuse(sentence: string): void {
    if (!this.#isStopped) this.#events.onUnsupported(sentence);
  }
}
