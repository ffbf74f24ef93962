/**
 * One publisher's tags as frames on the broadcast's timeline. What an encoder sends is evidence, not
 * truth: facts come from the media (NAL types, sample counts, parameter sets), not from the wrapper.
 * A tag is parsed once, here.
 */
import type { AvcSps } from "../formats/codecs/avc-sps.ts";
import { parseAudioTag } from "../formats/flv/audio-tag.ts";
import { parseMetadata, type StreamMetadata } from "../formats/flv/script-tag.ts";
import { parseVideoTag } from "../formats/flv/video-tag.ts";
import {
  type AudioTrack,
  type MediaFrame,
  TICKS_PER_MS,
  type VideoTrack,
} from "../formats/media.ts";
import { AudioClock, type PlacedAudio } from "./audio-clock.ts";
import { AudioNormaliser, type AudioUnit } from "./audio-normaliser.ts";
import type { IntakeFindings } from "./findings.ts";
import type { WireTag } from "./port.ts";
import type { Timeline } from "./timeline.ts";
import { VideoNormaliser, type VideoUnit } from "./video-normaliser.ts";

export interface NormalisedEvents {
  onMetadata(metadata: StreamMetadata): void;
  /** What the video frames that follow need; `sps` says more about them. */
  onVideoTrack(track: VideoTrack, sps: AvcSps): void;
  onAudioTrack(track: AudioTrack): void;
  onFrame(frame: MediaFrame): void;
  /** Something we cannot carry, in a sentence. */
  onUnsupported(sentence: string): void;
}

/** Sound that waits for its configuration may be so far behind the pictures. */
const MAX_AUDIO_BEHIND_MS = 900;

export class Normaliser {
  readonly #timeline: Timeline;
  readonly #events: NormalisedEvents;
  readonly #video: VideoNormaliser;
  readonly #audio: AudioNormaliser;
  #audioClock: AudioClock | null = null;
  readonly #extraTracks = new Set<string>();

  constructor(timeline: Timeline, events: NormalisedEvents) {
    this.#timeline = timeline;
    this.#events = events;
    this.#video = new VideoNormaliser({
      onVideoTrack: (track, sps) => events.onVideoTrack(track, sps),
      onVideoUnit: (unit) => this.#takeVideo(unit),
    });
    this.#audio = new AudioNormaliser({
      onAudioTrack: (track) => this.#useAudio(track),
      onAudioUnit: (unit) => this.#takeAudio(unit),
    });
  }

  /** What is odd about what came so far. */
  get findings(): Omit<IntakeFindings, "lateTrack"> {
    return {
      extraTracks: this.#extraTracks.size,
      keyframesMisflagged: this.#video.isMisflagged,
      intraRefresh: this.#video.isRefreshed,
      audioWithoutConfig: this.#audio.isUnconfigured,
    };
  }

  /** Captions came with the pictures. */
  get hasCaptions(): boolean {
    return this.#video.hasCaptions;
  }

  /** Frames are not flagged as what they are. */
  get isMisflagged(): boolean {
    return this.#video.isMisflagged;
  }

  /** Video comes that is none. */
  get isVideoUnreadable(): boolean {
    return this.#video.isUnreadable;
  }

  /** Sound comes, and is kept until its configuration does. */
  get isHoldingAudio(): boolean {
    return this.#audio.heldBytes > 0;
  }

  /** A configuration for video came, or parameter sets in the stream. */
  get hasVideoConfig(): boolean {
    return this.#video.isConfigured;
  }

  /** What goes out from now on is not waited for: frames that nobody can place yet are left out. */
  stopHolding(): void {
    this.#audio.stopHolding();
  }

  push(tag: WireTag): void {
    if (tag.type === "script") return this.#pushScript(tag.body);
    return tag.type === "video" ? this.#pushVideo(tag) : this.#pushAudio(tag);
  }

  /** Nothing more comes: hands on what waits. */
  flush(): void {
    this.#video.flush();
  }

  #pushScript(body: Uint8Array): void {
    const metadata = parseMetadata(body);
    if (metadata !== null) this.#events.onMetadata(metadata);
  }

  #pushVideo({ body, timestampMs }: WireTag): void {
    const tag = parseVideoTag(body);
    this.#noteTracks("video", tag.extraTracks);
    if (tag.kind === "config") this.#video.useHeader(tag);
    else if (tag.kind === "frame") {
      this.#audio.forgetBefore(timestampMs - MAX_AUDIO_BEHIND_MS);
      this.#video.push(tag, timestampMs, performance.now());
    } else if (tag.kind === "unsupported") {
      const sentence = `The video is ${tag.codec}; this server carries H.264.`;
      this.#events.onUnsupported(`${sentence} Choose an H.264 encoder.`);
    }
  }

  #pushAudio({ body, timestampMs }: WireTag): void {
    const tag = parseAudioTag(body);
    this.#noteTracks("audio", tag.extraTracks);
    if (tag.kind === "config" || tag.kind === "frame" || tag.kind === "classic") {
      if (tag.kind !== "config") this.#video.flushBefore(timestampMs);
      this.#audio.push(tag, timestampMs);
    } else if (tag.kind === "unsupported") {
      const sentence = `The audio is ${tag.codec}; this server carries AAC.`;
      this.#events.onUnsupported(`${sentence} Choose an AAC encoder.`);
    }
  }

  #noteTracks(medium: string, ids: readonly number[] = []): void {
    // A byte each: there are no more of them than that.
    for (const id of ids) this.#extraTracks.add(`${medium} ${id}`);
  }

  #takeVideo({ timestampMs, atMs, compositionMs, isKeyframe, data }: VideoUnit): void {
    const dtsMs = this.#timeline.place("video", timestampMs, atMs);
    this.#events.onFrame({
      track: "video",
      dtsTicks: dtsMs * TICKS_PER_MS,
      compositionTicks: compositionMs * TICKS_PER_MS,
      isKeyframe,
      data,
    });
  }

  #useAudio(track: AudioTrack): void {
    const endTicks = this.#audioClock?.endTicks ?? null;
    this.#audioClock = track.kind === "aac" ? new AudioClock(track.config, endTicks) : null;
    this.#events.onAudioTrack(track);
  }

  #takeAudio({ timestampMs, index, data }: AudioUnit): void {
    const ms = this.#timeline.place("audio", timestampMs, performance.now());
    if (this.#audioClock === null) {
      return this.#handOn({ dtsTicks: ms * TICKS_PER_MS, data });
    }
    const frameMs = index === 0 ? 0 : index * this.#audioClock.frameMs;
    for (const placed of this.#audioClock.push({ ms: ms + frameMs, data })) this.#handOn(placed);
  }

  #handOn({ dtsTicks, data }: PlacedAudio): void {
    const frame = {
      track: "audio",
      dtsTicks,
      compositionTicks: 0,
      isKeyframe: true,
      data,
    } as const;
    this.#events.onFrame(frame);
  }
}
