/**
 * Notices that a source goes on without pictures: a camera that is switched off, a publisher that
 * returns with sound alone. Pure.
 */
import {
  type MediaFrame,
  type PictureAbsence,
  ptsTicksOf,
  VIDEO_TIMESCALE,
} from "../formats/media.ts";

/** Pictures further apart are missing, unless they always are. */
const MISSING_TICKS = VIDEO_TIMESCALE;
const MISSING_STEPS = 3;
const STEP_SHARE = 1 / 4;

export class PictureWatch {
  #lastTicks: number | null = null;
  #decodedTicks: number | null = null;
  #firstAudioTicks: number | null = null;
  /** How far pictures are apart. */
  #stepTicks = 0;
  #absence: PictureAbsence | null = null;

  /** Another run of an encoder, of `fps` frames a second; null: not known. */
  restart(fps: number | null): void {
    this.#absence = null;
    this.#lastTicks = null;
    this.#decodedTicks = null;
    this.#firstAudioTicks = null;
    this.#stepTicks = fps === null || fps <= 0 ? 0 : VIDEO_TIMESCALE / fps;
  }

  /** Whether pictures are missing while this frame is heard; null when they are not. */
  note(frame: MediaFrame): PictureAbsence | null {
    this.#absence = this.#check(frame);
    return this.#absence;
  }

  /** Nothing more comes: what is missing to the end; null when nothing is. */
  finish(): PictureAbsence | null {
    return this.#absence === null ? null : { ...this.#absence, isFinal: true };
  }

  #check(frame: MediaFrame): PictureAbsence | null {
    const ticks = ptsTicksOf(frame);
    if (frame.track === "video") {
      const stepTicks = ticks - (this.#lastTicks ?? ticks);
      if (stepTicks > 0) this.#stepTicks += (stepTicks - this.#stepTicks) * STEP_SHARE;
      this.#lastTicks = Math.max(ticks, this.#lastTicks ?? ticks);
      this.#decodedTicks = frame.dtsTicks;
      return null;
    }
    this.#firstAudioTicks ??= ticks;
    const missingTicks = ticks - (this.#lastTicks ?? this.#firstAudioTicks);
    const isMissing = missingTicks > Math.max(MISSING_TICKS, MISSING_STEPS * this.#stepTicks);
    return isMissing ? { sinceTicks: this.#decodedTicks, untilTicks: ticks, isFinal: false } : null;
  }
}
