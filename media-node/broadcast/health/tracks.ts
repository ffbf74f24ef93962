/**
 * Whether picture and sound both come.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import type { MediaFrame } from "../../formats/media.ts";

/** Encoders and muxers hold one track back for a second at most. */
const MISSING_MS = 3000;

type Track = MediaFrame["track"];

/** Feed it every frame as it arrives; times are clocks. */
export class Tracks {
  #firstAtMs: number | null = null;
  readonly #lastAtMs = new Map<Track, number>();

  push({ track }: MediaFrame, nowMs: number): void {
    this.#firstAtMs ??= nowMs;
    this.#lastAtMs.set(track, nowMs);
  }

  get findings(): Finding[] {
    const findings: Finding[] = [];
    if (this.#isMissing("audio", "video")) {
      findings.push({ code: "NO_AUDIO", hadIt: this.#lastAtMs.has("audio") });
    }
    if (this.#isMissing("video", "audio")) {
      findings.push({ code: "NO_VIDEO", hadIt: this.#lastAtMs.has("video") });
    }
    return findings;
  }

  /** `other` has gone on without it. */
  #isMissing(track: Track, other: Track): boolean {
    const lastAtMs = this.#lastAtMs.get(track) ?? this.#firstAtMs ?? 0;
    const otherAtMs = this.#lastAtMs.get(other) ?? lastAtMs;
    return otherAtMs - lastAtMs > MISSING_MS;
  }
}
