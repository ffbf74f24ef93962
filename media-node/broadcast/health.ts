/**
 * How a publisher does, in figures and in what is wrong with what it sends.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import type { MediaFrame } from "../formats/media.ts";
import type { EncoderPace } from "../ladder/engine.ts";
import { Bitrate, type BitrateOptions } from "./health/bitrate.ts";
import { FrameOrder } from "./health/frame-order.ts";
import { FrameRate } from "./health/frame-rate.ts";
import { IngestFigures } from "./health/ingest-figures.ts";
import { KeyframeInterval } from "./health/keyframe-interval.ts";
import { roundTo } from "./health/round-to.ts";
import { Silence } from "./health/silence.ts";
import { Tracks } from "./health/tracks.ts";
import { UploadPace } from "./health/upload-pace.ts";

/** Below this share of what arrives the ladder falls behind; above, its figures are rounded. */
const MIN_ENCODE_SPEED = 0.95;
/** An encoder that keeps up is less behind. */
const BUSY_LAG_MS = 700;

export type SourceHealth = BitrateOptions & {
  /** The codec of audio that has to be encoded; null: it passes through, or there is none. */
  readonly encodedAudio: string | null;
};

const UNKNOWN: SourceHealth = { ceilingBps: null, declaredBps: null, encodedAudio: null };

/** Feed it every frame as it arrives; `nowMs` is a clock (performance.now). */
export class BroadcastHealth {
  readonly #figures = new IngestFigures();
  #source = UNKNOWN;
  #run = startRun(UNKNOWN);

  /** Another encoder run begins: what it sends has nothing to do with what came before. */
  restart(source: SourceHealth = UNKNOWN): void {
    this.#source = source;
    this.#run = startRun(source);
  }

  push(frame: MediaFrame, nowMs: number): void {
    const run = this.#run;
    this.#figures.push(frame, nowMs);
    run.tracks.push(frame, nowMs);
    run.pace.push(frame.dtsTicks, nowMs);
    if (frame.track === "audio") return run.silence.push(frame);
    run.keyframes.push(frame);
    run.bitrate.push(frame);
    run.rate.push(frame);
    run.order.push(frame);
  }

  /** We do not read from the publisher, or begin to again. */
  noteHeldBack(nowMs: number): void {
    this.#run.pace.noteHeldBack(nowMs);
  }

  figures(nowMs: number): { ingestBitrateBps: number; fps: number } {
    return this.#figures.at(nowMs);
  }

  /** `encoder`: null: nothing is encoded. */
  findings(nowMs: number, encoder: EncoderPace | null): Finding[] {
    const { keyframes, bitrate, rate, order, pace, tracks, silence } = this.#run;
    const missing = tracks.findings;
    const hasAudio = missing.every(({ code }) => code !== "NO_AUDIO");
    return [
      keyframes.finding,
      ...bitrate.findings,
      pace.finding(nowMs),
      rate.finding,
      order.finding,
      ...missing,
      hasAudio ? silence.finding : null,
      this.#encodedAudio,
      encoder === null ? null : slowEncoding(encoder, pace.pace(nowMs)),
    ].filter((finding) => finding !== null);
  }

  get #encodedAudio(): Finding | null {
    const { encodedAudio: codec } = this.#source;
    return codec === null ? null : { code: "AUDIO_CODEC", codec };
  }
}

/** One run of an encoder. */
function startRun(source: BitrateOptions) {
  return {
    keyframes: new KeyframeInterval(),
    bitrate: new Bitrate(source),
    rate: new FrameRate(),
    order: new FrameOrder(),
    pace: new UploadPace(),
    tracks: new Tracks(),
    silence: new Silence(),
  };
}

/** What arrives slowly is encoded slowly: that is not the machine's fault. */
function slowEncoding({ speed, lagMs }: EncoderPace, pace: number | null): Finding | null {
  // One that is not late has not been given more to do.
  if (speed === null || pace === null || lagMs < BUSY_LAG_MS) return null;
  if (speed >= MIN_ENCODE_SPEED * Math.min(1, pace)) return null;
  return { code: "MACHINE_BUSY", measured: roundTo(2, speed), wanted: 1 };
}
