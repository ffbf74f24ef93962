/**
 * From what ffmpeg encoded of one rung to samples on the broadcast's timeline. Lives as long as the
 * engine, through restarts of ffmpeg: what was handed on once is never handed on again or put back in
 * time.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { RungPlan } from "../../formats/media.ts";
import type { EngineClock } from "../engine-clock.ts";
import type { EngineOutput } from "../engine.ts";
import type { Encoded } from "./encoded.ts";

type EncodedFrame = Extract<Encoded, { kind: "frame" }>;

export class RungOutput {
  readonly #name: RenditionName;
  readonly #output: EngineOutput;
  #avcC: Uint8Array | undefined;
  #size: Pick<RungPlan, "width" | "height"> = { width: null, height: null };
  #lastDtsTicks: number;
  #isAwaitingKeyframe = true;
  #isNewlyConfigured = false;

  /** `shownTicks`: what was handed on before by somebody else; -Infinity when nothing was. */
  constructor(name: RenditionName, output: EngineOutput, shownTicks: number) {
    this.#name = name;
    this.#output = output;
    this.#lastDtsTicks = shownTicks;
  }

  /** Decode time of the last sample handed on; -Infinity before the first. */
  get lastDtsTicks(): number {
    return this.#lastDtsTicks;
  }

  /** A new ffmpeg delivers from here on, in the size of `shown`: it begins with a keyframe. */
  restart({ width, height }: Pick<RungPlan, "width" | "height">): void {
    this.#isAwaitingKeyframe = true;
    this.#size = { width, height };
  }

  push(encoded: Encoded, clock: EngineClock): void {
    if (encoded.kind === "config") this.#configure(encoded.config);
    else this.#pushFrame(encoded, clock);
  }

  #pushFrame(
    { engineMs, isKeyframe: isEncodedAsKeyframe, data }: EncodedFrame,
    clock: EngineClock,
  ) {
    const { dtsTicks, durationTicks, isKeyframe } = clock.frameTime(engineMs);
    if (this.#isAwaitingKeyframe && !isEncodedAsKeyframe) return;
    if (dtsTicks <= this.#lastDtsTicks || dtsTicks < 0) {
      this.#isAwaitingKeyframe = true;
      return;
    }
    this.#isAwaitingKeyframe = false;
    this.#lastDtsTicks = dtsTicks;
    this.#output.onVideoSample(this.#name, {
      dtsTicks,
      compositionTicks: 0,
      durationTicks,
      isKeyframe: isEncodedAsKeyframe && this.#isPlaceToCut(isKeyframe),
      data,
    });
    this.#isNewlyConfigured = false;
  }

  /**
   * Where an encoder starts anew between two keyframes of the source, its first frame could be a
   * keyframe as well; but there the copy has none, and renditions are cut at the same times.
   */
  #isPlaceToCut(isSourceKeyframe: boolean | null): boolean {
    return isSourceKeyframe !== false || this.#isNewlyConfigured;
  }

  #configure(avcC: Uint8Array): void {
    if (this.#avcC !== undefined && Buffer.compare(this.#avcC, avcC) === 0) return;
    this.#avcC = avcC;
    this.#isNewlyConfigured = true;
    const { width, height } = this.#size;
    this.#output.onVideoConfig(this.#name, {
      kind: "video",
      avcC,
      width: width ?? 0,
      height: height ?? 0,
    });
  }
}
