/**
 * Whether the audio holds nothing but digital silence, told without decoding it.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import { type MediaFrame, VIDEO_TIMESCALE } from "../../formats/media.ts";

/** Nobody speaks for so long now and then; a muted microphone stays muted. */
const SILENT_S = 10;
/** A silent frame of AAC has 4 to 23 bytes, one of the faintest noise 30 and more (128 kbit/s). */
const MAX_BYTES = 24;
/** Silence is the same frame over and over, in encoders that pad by turns one of a few. */
const KNOWN_FRAMES = 4;

/** Feed it every frame of audio. */
export class Silence {
  #known: readonly Uint8Array[] = [];
  #soundTicks: number | null = null;
  #headTicks = 0;

  push({ dtsTicks, data }: MediaFrame): void {
    this.#headTicks = dtsTicks;
    this.#soundTicks ??= dtsTicks;
    if (data.length - longestRun(data) > MAX_BYTES) {
      this.#soundTicks = dtsTicks;
      return;
    }
    if (this.#known.some((frame) => isSame(frame, data))) return;
    this.#soundTicks = dtsTicks;
    this.#known = [...this.#known, data].slice(-KNOWN_FRAMES);
  }

  get finding(): Finding | null {
    const silentTicks = this.#headTicks - (this.#soundTicks ?? this.#headTicks);
    return silentTicks > SILENT_S * VIDEO_TIMESCALE ? { code: "SILENT_AUDIO" } : null;
  }
}

/** Of one value: what an encoder with a constant rate pads with, and G.711 for silence. */
function longestRun(data: Uint8Array): number {
  let longest = 0;
  let run = 0;
  for (let at = 0; at < data.length; at += 1) {
    run = at > 0 && data[at] === data[at - 1] ? run + 1 : 1;
    if (run > longest) longest = run;
  }
  return longest;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}
