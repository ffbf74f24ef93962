/**
 * The first look at a publisher's media: parks its tags until it is known what there is to carry,
 * then hands on plain FLV on the broadcast's timeline, and says when the source changes.
 */
import type { SourceFacts } from "#shared/contracts/broadcast.ts";
import { messageOf } from "#shared/errors.ts";
import {
  type AudioTag,
  parseAudioTag,
  parseVideoTag,
  type VideoTag,
} from "../formats/flv/flv-tags.ts";
import type { WireTag } from "./port.ts";
import { type SourceDetails, SourceObserver } from "./source-facts.ts";
import type { Timeline, TimelineTag } from "./timeline.ts";
import type { AudioConfig, FlvTag } from "../formats/media.ts";
import { toPlainAudioTag, toPlainVideoTag } from "./plain-tag.ts";

/** What a publisher sends, complete enough to plan a ladder and to start decoders. */
export type Source = {
  readonly facts: SourceFacts;
  /** What decides whether it can be copied. */
  readonly details: Pick<SourceDetails, "isCommonFormat" | "hasBFrames">;
  /** Null: no video. */
  readonly videoHeader: FlvTag | null;
  /** Null: no audio, or audio that has no header. */
  readonly audioHeader: FlvTag | null;
  /** AAC that passes through; null when there is no audio or it must be encoded. */
  readonly audioConfig: AudioConfig | null;
};

export interface IntakeEvents {
  /** Before the first tag, and again before the first tag of a source that changed. */
  onSource(source: Source): void;
  /** A frame of audio or video. */
  onTag(tag: FlvTag): void;
  /** Something we cannot carry, in a sentence. */
  onUnsupported(sentence: string): void;
}

/** From the first frame on: how long a second track, or the frame rate, is waited for. */
const FACTS_DEADLINE_MS = 1000;
/** The same for video that is configured: it will come, and cannot be added later. */
const CONFIGURED_VIDEO_DEADLINE_MS = 5000;
const MAX_PARKED_BYTES = 8 * 1024 * 1024;

export class Intake {
  readonly #timeline: Timeline;
  readonly #events: IntakeEvents;
  readonly #observer = new SourceObserver();
  #parked: FlvTag[] | null = [];
  #parkedBytes = 0;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #awaits: "everything" | "configuredVideo" | "nothing" = "everything";
  #isStopped = false;
  #source: Source | null = null;
  #videoHeader: FlvTag | null = null;
  #audioHeader: FlvTag | null = null;
  #hasKeyframe = false;
  #hasClassicAudio = false;
  #lateTrack: "video" | "audio" | null = null;

  constructor(timeline: Timeline, events: IntakeEvents) {
    this.#timeline = timeline;
    this.#events = events;
  }

  /** A track that began after the broadcast was planned without it; it is not carried. */
  get lateTrack(): "video" | "audio" | null {
    return this.#lateTrack;
  }

  push(wireTag: WireTag): void {
    if (this.#isStopped) return;
    const tag = this.#timeline.place(wireTag);
    if (tag.type === "script") this.#observer.observe(tag);
    else if (tag.type === "video") this.#takeVideo(tag, parseVideoTag(tag.body));
    else this.#takeAudio(tag, parseAudioTag(tag.body));
  }

  /** Nothing is handed on any more. */
  stop(): void {
    this.#isStopped = true;
    this.#parked = null;
    clearTimeout(this.#deadline);
  }

  #takeVideo(tag: TimelineTag, video: VideoTag): void {
    if (video.kind === "unsupported") {
      return this.#events.onUnsupported(
        `The video is ${video.codec}; this server carries H.264. Choose an H.264 encoder.`,
      );
    }
    this.#observer.observe(tag);
    const plain = toPlainVideoTag(tag, video);
    if (video.kind === "config") {
      if (this.#observer.avc === null || isSame(this.#videoHeader, plain)) return;
      this.#videoHeader = plain;
      this.#onHeader();
    } else if (video.kind === "frame" && this.#videoHeader !== null) {
      if (video.isKeyframe) this.#hasKeyframe = true;
      if (this.#hasKeyframe) this.#takeFrame(plain);
    }
  }

  #takeAudio(tag: TimelineTag, audio: AudioTag): void {
    if (audio.kind === "unsupported" && !audio.isClassic) {
      return this.#events.onUnsupported(
        `The audio is ${audio.codec}; this server carries AAC. Choose an AAC encoder.`,
      );
    }
    this.#observer.observe(tag);
    const plain = toPlainAudioTag(tag, audio);
    if (audio.kind === "config") {
      if (this.#observer.aac === null || isSame(this.#audioHeader, plain)) return;
      this.#audioHeader = plain;
      this.#onHeader();
    } else if (audio.kind === "unsupported") {
      this.#hasClassicAudio = true;
      this.#takeFrame(plain);
    } else if (audio.kind === "frame" && this.#audioHeader !== null) this.#takeFrame(plain);
  }

  #takeFrame(tag: FlvTag): void {
    if (this.#parked !== null) {
      this.#parked.push(tag);
      this.#parkedBytes += tag.body.length;
      this.#deadline ??= setTimeout(() => this.#onFactsDeadline(), FACTS_DEADLINE_MS);
      if (this.#isComplete()) this.#announce();
      return;
    }
    if (this.#source === null) return;
    const { video, audio } = this.#source.facts;
    if ((tag.type === "video" ? video : audio) === null) this.#noteLateTrack(tag.type);
    else this.#events.onTag(tag);
  }

  #noteLateTrack(type: FlvTag["type"]): void {
    if (type !== "script") this.#lateTrack ??= type;
  }

  /** A header that replaces one in use: the source changed under a running broadcast. */
  #onHeader(): void {
    if (this.#source === null) return;
    const next = this.#describe();
    const hadVideo = this.#source.facts.video !== null;
    const hadAudio = this.#source.facts.audio !== null;
    this.#source = {
      ...next,
      facts: {
        ...next.facts,
        video: hadVideo ? next.facts.video : null,
        audio: hadAudio ? next.facts.audio : null,
      },
      videoHeader: hadVideo ? next.videoHeader : null,
      audioHeader: hadAudio ? next.audioHeader : null,
      audioConfig: hadAudio ? next.audioConfig : null,
    };
    this.#events.onSource(this.#source);
  }

  #onFactsDeadline(): void {
    this.#goOnWith("configuredVideo");
    if (this.#parked === null) return;
    const restMs = CONFIGURED_VIDEO_DEADLINE_MS - FACTS_DEADLINE_MS;
    this.#deadline = setTimeout(() => this.#goOnWith("nothing"), restMs);
  }

  #goOnWith(awaited: "configuredVideo" | "nothing"): void {
    this.#awaits = awaited;
    if (this.#parked === null || !this.#isComplete()) return;
    try {
      this.#announce();
    } catch (error) {
      // Inside a tag's call the ingest server would drop this publisher alone; a timer has nobody.
      this.#events.onUnsupported(`The stream cannot be read: ${messageOf(error)}`);
    }
  }

  #isComplete(): boolean {
    const hasAudio = this.#audioHeader !== null || this.#hasClassicAudio;
    if (!this.#hasKeyframe && !hasAudio) return false;
    if (this.#awaits === "nothing" || this.#parkedBytes > MAX_PARKED_BYTES) return true;
    if (this.#awaits === "configuredVideo") return this.#hasKeyframe || this.#videoHeader === null;
    const { declaresVideo, declaresAudio } = this.#observer.details();
    if (!this.#hasKeyframe) return declaresVideo === false;
    if (!hasAudio && declaresAudio !== false) return false;
    return this.#observer.facts().video?.fps !== null;
  }

  #announce(): void {
    clearTimeout(this.#deadline);
    const parked = this.#parked ?? [];
    this.#parked = null;
    const source = this.#describe();
    // A configuration without a keyframe is no track yet.
    this.#source = this.#hasKeyframe
      ? source
      : { ...source, facts: { ...source.facts, video: null }, videoHeader: null };
    this.#events.onSource(this.#source);
    for (const tag of parked) if (!this.#isStopped) this.#takeFrame(tag);
  }

  #describe(): Source {
    const { aac } = this.#observer;
    const asc = this.#audioHeader?.body.subarray(2);
    const audioConfig: AudioConfig | null = aac === null || asc === undefined ? null : {
      kind: "audio",
      asc,
      sampleRateHz: aac.sampleRateHz,
      channels: aac.channels,
      samplesPerFrame: aac.samplesPerFrame,
    };
    return {
      facts: this.#observer.facts(),
      details: this.#observer.details(),
      videoHeader: this.#videoHeader,
      audioHeader: this.#audioHeader,
      audioConfig,
    };
  }
}

function isSame(header: FlvTag | null, other: FlvTag): boolean {
  return header !== null && Buffer.compare(header.body, other.body) === 0;
}
