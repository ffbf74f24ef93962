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
/** Frames that come before their configuration are kept so long, and as far as they take no more room. */
const MAX_HELD_MS = 3000;
const MAX_HELD_FRAMES = 256;
const MAX_HELD_BYTES = 256 * 1024;

type HeldTag = { readonly data: Uint8Array; readonly timestampMs: number };

export class AudioNormaliser {
  readonly #events: AudioEvents;
  #asc: Uint8Array | null = null;
  #classic: ClassicAudioFrame | null = null;
  /** Frames that nobody can place: their configuration did not come in time. */
  #lost = 0;
  /** Raw AAC that waits for its configuration; null: nothing is kept any more. */
  #held: HeldTag[] | null = [];
  #heldBytes = 0;

  constructor(events: AudioEvents) {
    this.#events = events;
  }

  /** AAC frames come without a configuration. */
  get isUnconfigured(): boolean {
    return this.#lost > 0 && this.#asc === null;
  }

  /** Of AAC frames that are kept until their configuration comes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Frames before their configuration are not heard from now on: others have their time. */
  stopHolding(): void {
    this.#lost += this.#held?.length ?? 0;
    this.#drop();
  }

  /** What would be heard before `timestampMs` has no place: pictures are further on. */
  forgetBefore(timestampMs: number): void {
    if (this.#heldBytes === 0) return;
    this.#letGo((oldest) => elapsedMs(oldest.timestampMs, timestampMs) > 0);
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
    for (const { data, timestampMs } of this.#drop()) this.#pushAac(data, timestampMs);
  }

  #pushAac(data: Uint8Array, timestampMs: number): void {
    const frames = readAdts(data);
    const [first] = frames ?? [];
    if (first !== undefined && this.#asc === null) this.#useConfig(first.asc);
    if (this.#asc === null) return this.#hold({ data, timestampMs });
    for (const [index, frame] of (frames ?? [{ data }]).entries()) {
      if (frame.data.length < MIN_FRAME_BYTES) continue;
      this.#events.onAudioUnit({ timestampMs, index, data: frame.data });
    }
  }

  #hold(tag: HeldTag): void {
    const held = this.#held;
    if (held === null) {
      this.#lost += 1;
      return;
    }
    held.push(tag);
    this.#heldBytes += tag.data.length;
    this.#letGo((oldest) => {
      const heldMs = elapsedMs(oldest.timestampMs, tag.timestampMs);
      const isLong = heldMs < 0 || heldMs > MAX_HELD_MS;
      return isLong || held.length > MAX_HELD_FRAMES || this.#heldBytes > MAX_HELD_BYTES;
    });
  }

  /** `isOver`: whether the oldest one that is kept is kept no longer. */
  #letGo(isOver: (oldest: HeldTag) => boolean): void {
    const held = this.#held ?? [];
    for (let oldest = held[0]; oldest !== undefined && isOver(oldest); oldest = held[0]) {
      held.shift();
      this.#heldBytes -= oldest.data.length;
      this.#lost += 1;
    }
  }

  /** Nothing is kept from now on. */
  #drop(): HeldTag[] {
    const held = this.#held ?? [];
    this.#held = null;
    this.#heldBytes = 0;
    return held;
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

/** Stamps have 32 bits: their clock may wrap, or be set back. */
function elapsedMs(fromMs: number, toMs: number): number {
  return (toMs - fromMs) | 0;
}

function parseOrNull(asc: Uint8Array) {
  try {
    return parseAacConfig(asc);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
