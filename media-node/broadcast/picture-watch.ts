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
/** Some encoders send pictures later than the sound to them: what that was counts less and less. */
const MAX_LAG_TICKS = 5 * VIDEO_TIMESCALE;
const LAG_DECAY = 0.995;

export class PictureWatch {
  #lastTicks: number | null = null;
  #decodedTicks: number | null = null;
  #firstAudioTicks: number | null = null;
  /** How far pictures are apart. */
  #stepTicks = 0;
  /** How far pictures come behind the sound to them. */
  #lagTicks = 0;
  #audioTicks: number | null = null;
  #absence: PictureAbsence | null = null;

  /** Another run of an encoder, of `fps` frames a second; null: not known. */
  restart(fps: number | null): void {
    this.#absence = null;
    this.#lastTicks = null;
    this.#decodedTicks = null;
    this.#firstAudioTicks = null;
    this.#audioTicks = null;
    this.#lagTicks = 0;
    this.#stepTicks = fps === null || fps <= 0 ? 0 : VIDEO_TIMESCALE / fps;
  }

  /** Whether pictures are missing while this frame is heard; null when they are not. */
  note(frame: MediaFrame): PictureAbsence | null {
    this.#absence = this.#check(frame);
    return this.#absence;
  }

  /** Nothing more comes: what is missing to the end; null when nothing is. */
  finish(): PictureAbsence | null {
    if (this.#absence !== null) return { ...this.#absence, isFinal: true };
    // The last one of a slow camera is shown for as long as it is heard.
    const untilTicks = this.#audioTicks ?? -Infinity;
    if (untilTicks - (this.#lastTicks ?? Infinity) <= MISSING_TICKS) return null;
    return { sinceTicks: this.#decodedTicks, untilTicks, isFinal: true };
  }

  #check(frame: MediaFrame): PictureAbsence | null {
    const ticks = ptsTicksOf(frame);
    if (frame.track === "video") {
      const lagTicks = (this.#audioTicks ?? ticks) - ticks;
      this.#lagTicks = Math.min(MAX_LAG_TICKS, Math.max(lagTicks, this.#lagTicks * LAG_DECAY));
      const stepTicks = ticks - (this.#lastTicks ?? ticks);
      if (stepTicks > 0) this.#stepTicks += (stepTicks - this.#stepTicks) * STEP_SHARE;
      this.#lastTicks = Math.max(ticks, this.#lastTicks ?? ticks);
      this.#decodedTicks = frame.dtsTicks;
      return null;
    }
    this.#audioTicks = ticks;
    this.#firstAudioTicks ??= ticks;
    const missingTicks = ticks - (this.#lastTicks ?? this.#firstAudioTicks);
    const patienceTicks = Math.max(MISSING_TICKS, MISSING_STEPS * this.#stepTicks);
    const isMissing = missingTicks > patienceTicks + this.#lagTicks;
    return isMissing ? { sinceTicks: this.#decodedTicks, untilTicks: ticks, isFinal: false } : null;
  }
}
