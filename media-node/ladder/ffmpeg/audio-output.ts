/**
 * From the AAC that ffmpeg encoded to frames on the broadcast's timeline, through restarts of ffmpeg.
 */
import type { EngineClock } from "../engine-clock.ts";
import type { EngineOutput } from "../engine.ts";
import type { Encoded } from "./encoded.ts";
import { ENCODED_AUDIO } from "./ffmpeg-args.ts";

const AAC_SAMPLES_PER_FRAME = 1024;

export class AudioOutput {
  readonly #output: EngineOutput;
  #isConfigured = false;
  #lastTicks = -Infinity;

  constructor(output: EngineOutput) {
    this.#output = output;
  }

  /** When the last frame handed on is heard; -Infinity before the first. */
  get lastTicks(): number {
    return this.#lastTicks;
  }

  push(encoded: Encoded, clock: EngineClock): void {
    if (encoded.kind === "config") return this.#configure(encoded.config);
    const dtsTicks = clock.toBroadcastTicks(encoded.engineMs);
    // The encoder's run-in lies before the first sound.
    if (dtsTicks < 0 || dtsTicks <= this.#lastTicks) return;
    this.#lastTicks = dtsTicks;
    this.#output.onAudioFrame({ dtsTicks, data: encoded.data });
  }

  #configure(asc: Uint8Array): void {
    if (this.#isConfigured) return;
    this.#isConfigured = true;
    const { sampleRateHz, channels } = ENCODED_AUDIO;
    const samplesPerFrame = AAC_SAMPLES_PER_FRAME;
    this.#output.onAudioConfig({ kind: "audio", asc, sampleRateHz, channels, samplesPerFrame });
  }
}
