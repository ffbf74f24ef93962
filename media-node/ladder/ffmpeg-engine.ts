/**
 * The engine port over the ffmpeg command line: one supervised process per broadcast, started anew
 * when it dies or hangs. A new one decodes the current group of pictures again but shows only what
 * was not shown yet, so a restart costs viewers a moment of delay and no frame.
 */
import type { Logger } from "#shared/log.ts";
import type { FlvTag } from "../media.ts";
import type { Engine, EngineOutput, EngineStart } from "./engine.ts";
import { EngineClock } from "./engine-clock.ts";
import { buildFfmpegArgs, type Encoder, FIRST_OUTPUT_FD } from "./ffmpeg-args.ts";
import { AudioOutput, RungOutput } from "./ffmpeg-output.ts";
import { ProgressReader } from "./ffmpeg-progress.ts";
import { FlvError, FlvReader } from "./flv-reader.ts";
import { writeFlvHeader, writeFlvTag } from "./flv-writer.ts";
import { type FrameRate, toFrameRate } from "./frame-rate.ts";
import { GopCache } from "./gop-cache.ts";
import { type ChildExit, SupervisedProcess } from "./process.ts";
import { RestartBudget } from "./restart-budget.ts";
import { isSequenceHeader, isVideoKeyframe, ptsMsOf } from "./source-tag.ts";
import { Watchdog } from "./watchdog.ts";

export type FfmpegEngineOptions = {
  readonly ffmpegPath: string;
  readonly encoder: Encoder;
  readonly log: Logger;
};

/** ffmpeg died or hung more often than it may; `exit` has its last words. */
export class TranscoderFailure extends Error {
  override readonly name = "TranscoderFailure";
  readonly exit: ChildExit;
  constructor(exit: ChildExit) {
    const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
    const last = exit.stderr.at(-1);
    super(`ffmpeg ended ${how} once too often${last === undefined ? "" : `: ${last}`}`);
    this.exit = exit;
  }
}

/** Above this `push` asks for a pause; the source is then held back by TCP. */
const HIGH_WATER_BYTES = 2 * 1024 * 1024;
/** Above this the source is dropped up to its next keyframe. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
const WATCH_INTERVAL_MS = 500;
const SPEED_SMOOTHING = 0.3;
/** The rate that audio alone is timed with: any will do, it only sets the lead. */
const AUDIO_ONLY_FPS = 30;

/** One run of ffmpeg. */
type Run = {
  readonly child: SupervisedProcess;
  readonly watchdog: Watchdog;
  readonly watchTimer: ReturnType<typeof setInterval>;
};

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly run: Run }
  | { readonly kind: "restarting"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: "stopped" };

export class FfmpegEngine implements Engine {
  readonly #options: FfmpegEngineOptions;
  readonly #budget = new RestartBudget();
  readonly #cache = new GopCache();
  #state: State = { kind: "idle" };
  #start: EngineStart | undefined;
  #output: EngineOutput | undefined;
  #rate: FrameRate = toFrameRate(AUDIO_ONLY_FPS);
  #clock: EngineClock | undefined;
  #rungs: readonly RungOutput[] = [];
  #audio: AudioOutput | undefined;
  #isDropping = false;
  #speed: number | null = null;
  #stopping: Promise<void> | undefined;

  constructor(options: FfmpegEngineOptions) {
    this.#options = options;
  }

  get speed(): number | null {
    return this.#speed;
  }

  /** The running ffmpeg, for tests and metrics. */
  get pid(): number | undefined {
    return this.#state.kind === "running" ? this.#state.run.child.pid : undefined;
  }

  start(start: EngineStart, output: EngineOutput): void {
    if (this.#state.kind !== "idle") throw new Error("an engine starts once");
    this.#start = start;
    this.#output = output;
    this.#rate = toFrameRate(start.fps ?? AUDIO_ONLY_FPS);
    this.#rungs = start.rungs.map((rung) => new RungOutput(rung, output));
    if (start.encodesAudio) this.#audio = new AudioOutput(output);
    this.#spawn(start);
  }

  push(tag: FlvTag): boolean {
    const start = this.#start;
    if (start === undefined || !this.#isWanted(tag, start)) return true;
    const isStart = this.#isDecodable(tag, start);
    this.#cache.add(tag, isStart);
    if (this.#clock === undefined) {
      if (!isStart) return true;
      this.#clock = new EngineClock(this.#rate, ptsMsOf(tag));
    }
    if (this.#state.kind !== "running") return true;
    return this.#feed(this.#state.run, tag, isStart);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const state = this.#state;
    if (state.kind === "restarting") clearTimeout(state.timer);
    this.#state = { kind: "stopped" };
    if (state.kind !== "running") return;
    clearInterval(state.run.watchTimer);
    await state.run.child.stop();
  }

  #isWanted(tag: FlvTag, start: EngineStart): boolean {
    if (this.#state.kind === "stopped" || isSequenceHeader(tag)) return false;
    return tag.type === "video"
      ? start.rungs.length > 0
      : tag.type === "audio" && start.encodesAudio;
  }

  /** With video, decoding starts at a keyframe; audio frames stand alone. */
  #isDecodable(tag: FlvTag, start: EngineStart): boolean {
    return start.rungs.length > 0 ? isVideoKeyframe(tag) : tag.type === "audio";
  }

  #feed(run: Run, tag: FlvTag, isStart: boolean): boolean {
    const { queuedBytes } = run.child;
    if (this.#isDropping) this.#isDropping = !isStart || queuedBytes > HIGH_WATER_BYTES;
    else if (queuedBytes > MAX_QUEUED_BYTES) this.#dropUntilKeyframe(queuedBytes);
    if (!this.#isDropping) this.#write(run, tag);
    return run.child.queuedBytes < HIGH_WATER_BYTES;
  }

  #dropUntilKeyframe(queuedBytes: number): void {
    this.#isDropping = true;
    this.#options.log.warn("engine.dropping", { queuedBytes });
  }

  #write(run: Run, tag: FlvTag): void {
    if (this.#clock === undefined) return;
    run.child.write(writeFlvTag(tag, this.#clock.toEngineMs(tag.dtsMs)));
    run.watchdog.noteInput(performance.now());
  }

  #spawn(start: EngineStart): void {
    const outputs = start.rungs.length + (start.encodesAudio ? 1 : 0);
    const watchdog = new Watchdog(outputs, performance.now());
    const read = this.#createReaders(outputs, watchdog);
    const child: SupervisedProcess = new SupervisedProcess({
      argv: [this.#options.ffmpegPath, ...this.#buildArgs(start)],
      extraOutputs: outputs,
      onOutput: (fd, chunk) => this.#read(() => read(fd, chunk), child),
      onDrain: () => this.#output?.onDrain(),
      onExit: (exit) => this.#onExit(exit),
    });
    const watchTimer = setInterval(() => this.#watch(child, watchdog), WATCH_INTERVAL_MS);
    const run = { child, watchdog, watchTimer };
    this.#state = { kind: "running", run };
    this.#options.log.debug("engine.started", { pid: child.pid });
    for (const rung of this.#rungs) rung.restart();
    const tracks = { hasVideo: start.rungs.length > 0, hasAudio: start.encodesAudio };
    child.write(writeFlvHeader(tracks));
    for (const header of start.sequenceHeaders) {
      const isRead = header.type === "video" ? tracks.hasVideo : tracks.hasAudio;
      if (isRead) child.write(writeFlvTag(header, 0));
    }
    this.#isDropping = false;
    for (const tag of this.#cache.tags) this.#write(run, tag);
  }

  #buildArgs(start: EngineStart): string[] {
    const lastDtsTicks = Math.max(...this.#rungs.map((rung) => rung.lastDtsTicks));
    const isResuming = this.#clock !== undefined && Number.isFinite(lastDtsTicks);
    return buildFfmpegArgs({
      rungs: start.rungs,
      rate: this.#rate,
      encodesAudio: start.encodesAudio,
      segmentTargetMs: start.segmentTargetMs,
      encoder: this.#options.encoder,
      showFromS: isResuming ? this.#clock?.justAfter(lastDtsTicks) ?? null : null,
    });
  }

  #createReaders(outputs: number, watchdog: Watchdog): (fd: number, chunk: Uint8Array) => void {
    const progress = new ProgressReader(({ count, speed }) => {
      watchdog.noteProgress(count);
      if (speed !== null) this.#speed = smooth(this.#speed, speed);
    });
    const readers = Array.from(
      { length: outputs },
      (_, index) => new FlvReader((tag) => this.#onTag(index, tag, watchdog)),
    );
    return (fd, chunk) => {
      if (fd === 1) progress.push(chunk);
      else readers[fd - FIRST_OUTPUT_FD]?.push(chunk);
    };
  }

  /** Output that cannot be read is a fault of that ffmpeg: another one takes its place. */
  #read(read: () => void, child: SupervisedProcess): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof FlvError)) throw error;
      this.#options.log.warn("engine.unreadable", { pid: child.pid, reason: error.message });
      child.kill();
    }
  }

  #onTag(index: number, tag: FlvTag, watchdog: Watchdog): void {
    if (!isSequenceHeader(tag)) watchdog.noteOutput(index);
    if (this.#clock === undefined && !isSequenceHeader(tag)) return;
    const clock = this.#clock ?? new EngineClock(this.#rate, 0);
    const rung = this.#rungs[index];
    if (rung !== undefined) rung.push(tag, clock);
    else this.#audio?.push(tag, clock);
  }

  #watch(child: SupervisedProcess, watchdog: Watchdog): void {
    const problem = watchdog.check(performance.now(), child.queuedBytes > 0);
    if (problem === null) return;
    this.#options.log.warn("engine.stalled", { pid: child.pid, problem });
    child.kill();
  }

  #onExit(exit: ChildExit): void {
    if (this.#state.kind !== "running") return;
    clearInterval(this.#state.run.watchTimer);
    const { code, signal } = exit;
    const delayMs = this.#budget.take(performance.now());
    this.#options.log.warn("engine.exited", { code, signal, delayMs, stderr: exit.stderr });
    if (delayMs === null) {
      this.#state = { kind: "stopped" };
      this.#output?.onFailure(new TranscoderFailure(exit));
      return;
    }
    const timer = setTimeout(() => this.#restart(), delayMs);
    this.#state = { kind: "restarting", timer };
    this.#output?.onDrain();
  }

  #restart(): void {
    if (this.#state.kind === "restarting" && this.#start !== undefined) this.#spawn(this.#start);
  }
}

function smooth(previous: number | null, next: number): number {
  return previous === null ? next : previous + SPEED_SMOOTHING * (next - previous);
}
