/**
 * What viewers have been shown of a broadcast's encoded renditions: an output for each rung and one for
 * the sound, whichever ffmpeg delivers, and whether or not it encodes that rung itself.
 */
import type { RungPlan } from "../../formats/media.ts";
import type { EngineClock } from "../engine-clock.ts";
import type { EngineOutput, EngineStart } from "../engine.ts";
import { AudioOutput } from "./audio-output.ts";
import type { Encoded } from "./encoded.ts";
import { KeyframeGate } from "./keyframe-gate.ts";
import { RungOutput } from "./rung-output.ts";

export class Shown {
  readonly #rungs: readonly { readonly plan: RungPlan; readonly output: RungOutput }[];
  readonly #audio: AudioOutput;
  /** For every rung that the ffmpeg of now encodes: what it is shown as. */
  #shownBy: readonly (readonly RungOutput[])[] = [];
  #gate = new KeyframeGate(0, true);

  constructor({ rungs, resume }: EngineStart, output: EngineOutput) {
    const shownTicks = resume?.shownTicks ?? -Infinity;
    this.#rungs = rungs.map((plan) => {
      return { plan, output: new RungOutput(plan.name, output, shownTicks) };
    });
    this.#audio = new AudioOutput(output);
  }

  /** The last frame of every rung that viewers have; -Infinity before the first, Infinity without rungs. */
  get videoTicks(): number {
    return Math.min(...this.#rungs.map(({ output }) => output.lastDtsTicks));
  }

  /** The last frame of sound that viewers have; -Infinity before the first. */
  get audioTicks(): number {
    return this.#audio.lastTicks;
  }

  /**
   * Another ffmpeg delivers from here on, and encodes `encoded`. `isOtherEncoding`: in another way than
   * the one before, so that segments must begin.
   */
  restart(encoded: readonly RungPlan[], isOtherEncoding: boolean): void {
    const isOpen = !isOtherEncoding && !this.#gate.isOpening;
    this.#gate = new KeyframeGate(encoded.length, isOpen);
    for (const { plan, output } of this.#rungs) output.restart(shownInPlaceOf(plan, encoded));
    this.#shownBy = encoded.map((one) =>
      this.#rungs.filter(({ plan }) => shownInPlaceOf(plan, encoded) === one)
        .map(({ output }) => output)
    );
  }

  /** The ffmpeg of now is heard up to the next keyframe of the source; then `onEnd`. */
  endAtKeyframe(onEnd: () => void): void {
    this.#gate.close(onEnd);
  }

  /** The ffmpeg of now is heard to its end. */
  endWithIt(): void {
    this.#gate.reopen();
  }

  pushVideo(encodedRung: number, encoded: Encoded, clock: EngineClock): void {
    if (encoded.kind === "frame") {
      const { isKeyframe } = clock.frameTime(encoded.engineMs);
      if (!this.#gate.passes(encodedRung, isKeyframe)) return;
    }
    for (const output of this.#shownBy[encodedRung] ?? []) output.push(encoded, clock);
  }

  pushAudio(encoded: Encoded, clock: EngineClock): void {
    this.#audio.push(encoded, clock);
  }
}

/** What a rung shows: itself where it is encoded, else the best one below it. */
function shownInPlaceOf(rung: RungPlan, encoded: readonly RungPlan[]): RungPlan {
  return encoded.find(({ name }) => name === rung.name) ?? encoded.at(-1) ?? rung;
}
