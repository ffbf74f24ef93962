/**
 * From audio tags to frames that are what they say: AAC without ADTS, with its configuration wherever
 * that stands, or one of FLV's classic codecs.
 */
import { parseAacConfig } from "../formats/codecs/aac-config.ts";
import { readAdts } from "../formats/codecs/aac-frame.ts";
import type { AudioTag, ClassicAudioFrame } from "../formats/flv/audio-tag.ts";
import type { AudioTrack } from "../formats/media.ts";

/** One frame on the publisher's clock. */
export type AudioUnit = {
  readonly timestampMs: number;
  /** Frames of the same tag before it. */
  readonly index: number;
  readonly data: Uint8Array;
};

export interface AudioEvents {
  /** Before the first frame, and before the first one that needs another configuration. */
  onAudioTrack(track: AudioTrack): void;
  onAudioUnit(unit: AudioUnit): void;
}

type MediaTag = Extract<AudioTag, { kind: "config" | "frame" | "classic" }>;

/** Frames of silence are this small; with fewer bytes nothing was sent at all. */
const MIN_FRAME_BYTES = 2;

export class AudioNormaliser {
  readonly #events: AudioEvents;
  #asc: Uint8Array | null = null;
  #classic: ClassicAudioFrame | null = null;
  #unconfigured = 0;

  constructor(events: AudioEvents) {
    this.#events = events;
  }

  /** AAC frames came before a configuration, or without one. */
  get isUnconfigured(): boolean {
    return this.#unconfigured > 0 && this.#asc === null;
  }

  push(tag: MediaTag, timestampMs: number): void {
    if (tag.kind === "config") this.#useConfig(tag.asc);
    else if (tag.kind === "classic") this.#pushClassic(tag, timestampMs);
    else this.#pushAac(tag.data, timestampMs);
  }

  #useConfig(asc: Uint8Array): void {
    if (this.#asc !== null && Buffer.compare(this.#asc, asc) === 0) return;
    const parsed = parseOrNull(asc);
    if (parsed === null) return;
    const { codec, sampleRateHz, channels, samplesPerFrame } = parsed;
    // A copy: the configuration outlives its tag.
    this.#asc = asc.slice();
    this.#classic = null;
    const config = {
      kind: "audio",
      asc: this.#asc,
      sampleRateHz,
      channels,
      samplesPerFrame,
    } as const;
    this.#events.onAudioTrack({ kind: "aac", codec, config });
  }

  #pushAac(data: Uint8Array, timestampMs: number): void {
    const frames = readAdts(data);
    const [first] = frames ?? [];
    if (first !== undefined && this.#asc === null) this.#useConfig(first.asc);
    if (this.#asc === null) {
      this.#unconfigured += 1;
      return;
    }
    for (const [index, frame] of (frames ?? [{ data }]).entries()) {
      if (frame.data.length < MIN_FRAME_BYTES) continue;
      this.#events.onAudioUnit({ timestampMs, index, data: frame.data });
    }
  }

  #pushClassic(frame: ClassicAudioFrame, timestampMs: number): void {
    if (this.#classic?.flvFormat !== frame.flvFormat) {
      const { codec, flvFormat, sampleRateHz, channels } = frame;
      this.#classic = frame;
      this.#asc = null;
      this.#events.onAudioTrack({ kind: "classic", codec, flvFormat, sampleRateHz, channels });
    }
    this.#events.onAudioUnit({ timestampMs, index: 0, data: frame.data });
  }
}

function parseOrNull(asc: Uint8Array) {
  try {
    return parseAacConfig(asc);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
