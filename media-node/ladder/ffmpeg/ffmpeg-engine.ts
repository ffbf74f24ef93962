/**
 * The engine port over the ffmpeg command line: one supervised process per broadcast, started anew
 * when it dies or hangs. A new one decodes from the keyframe before what was not shown yet and shows
 * only that, so a restart costs viewers a moment of delay and no frame. When the machine
 * cannot keep up, it is started anew with less to do; a rung left out shows what the one below shows.
 */
import type { Logger } from "#shared/log.ts";
import { type FrameRate, toFrameRate } from "../../formats/frame-rate.ts";
import { type MediaFrame, ptsTicksOf, TICKS_PER_MS } from "../../formats/media.ts";
import { type EngineClock, GridClock, PassedClock } from "../engine-clock.ts";
import { EncodeSpeed } from "../encode-speed.ts";
import type { EncoderPace, EngineOutput, EngineStart, RunningEngine } from "../engine.ts";
import { LagMeter } from "../lag-meter.ts";
import { LoadShedding } from "../load-shedding.ts";
import { buildFfmpegArgs, canHurry, type Encoder, picturesOf } from "./ffmpeg-args.ts";
import type { FrameModeFlag } from "./frame-mode.ts";
import { FfmpegRun, type NextInput } from "./ffmpeg-run.ts";
import { writeInputFrame, writeInputHeader } from "./flv-input.ts";
import type { ChildExit } from "./process.ts";
import { RestartBudget } from "./restart-budget.ts";
import { Shown } from "./shown.ts";
import { SourceBacklog } from "./source-backlog.ts";
import { TranscoderFailure } from "./transcoder-failure.ts";

export type FfmpegEngineOptions = {
  readonly ffmpegPath: string;
  readonly encoder: Encoder;
  readonly frameModeFlag?: FrameModeFlag;
  readonly log: Logger;
};

/** The rate that audio alone is timed with: any will do, it only sets the lead. */
const AUDIO_ONLY_FPS = 30;
/** How long the keyframe at which another ffmpeg takes over is waited for; later, pictures are lost. */
const SWITCH_MS = 4000;
/** What is decoded again in an instant: more of the ladder is tried soon after a keyframe. */
const CHEAP_GROUP_TICKS = 1000 * TICKS_PER_MS;

type State =
  | { readonly kind: "running"; readonly run: FfmpegRun }
  | { readonly kind: "restarting"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: "stopped" };

/** Engines that run this ffmpeg; itself a `StartEngine`. */
export function startFfmpegEngine(
  options: FfmpegEngineOptions,
): (start: EngineStart, output: EngineOutput) => FfmpegEngine {
  return (start, output) => new FfmpegEngine(start, output, options);
}

class FfmpegEngine implements RunningEngine {
  readonly #start: EngineStart;
  readonly #output: EngineOutput;
  readonly #options: FfmpegEngineOptions;
  readonly #rate: FrameRate;
  readonly #budget = new RestartBudget();
  readonly #backlog = new SourceBacklog();
  readonly #lag = new LagMeter();
  readonly #speed = new EncodeSpeed();
  readonly #shedding: LoadShedding;
  readonly #shown: Shown;
  /** Null before the first frame that decoding can begin with. */
  #clock: EngineClock | null = null;
  #state: State = { kind: "stopped" };
  #aheadMs = 0;
  /** Another ffmpeg is to take over at a keyframe of the source, or at this time. */
  #switchBeforeMs: number | null = null;
  #hasDropped = false;
  #stopping: Promise<void> | undefined;

  constructor(start: EngineStart, output: EngineOutput, options: FfmpegEngineOptions) {
    this.#start = start;
    this.#output = output;
    this.#options = options;
    this.#rate = toFrameRate(start.fps ?? AUDIO_ONLY_FPS);
    this.#shown = new Shown(start, output);
    this.#shedding = new LoadShedding(start, canHurry(options.encoder), performance.now());
    for (const frame of start.resume?.frames ?? []) this.#take(frame);
    this.#spawn(true);
  }

  get pace(): EncoderPace {
    return { speed: this.#speed.perSecond, lagMs: this.#lag.behind(this.#shown.videoTicks) };
  }

  get shortfall(): string | null {
    return this.#shedding.shortfall;
  }

  /** The running ffmpeg, for tests and metrics. */
  get pid(): number | undefined {
    return this.#state.kind === "running" ? this.#state.run.pid : undefined;
  }

  push(frame: MediaFrame, aheadMs: number): boolean {
    if (this.#state.kind === "stopped" || !this.#isWanted(frame)) return true;
    const wasFull = this.#isFull;
    this.#aheadMs = aheadMs;
    this.#take(frame);
    if (this.#state.kind === "running") this.#state.run.pump();
    if (wasFull) this.#release();
    return !this.#isFull;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "stopped" };
    if (state.kind === "restarting") clearTimeout(state.timer);
    this.#shown.endWithIt();
    if (state.kind === "running") await state.run.finish();
  }

  /** A source that can wait does so before anything must be left out. */
  get #isFull(): boolean {
    return this.#backlog.isFull || (this.#backlog.isLate && this.#aheadMs > 0);
  }

  #isWanted({ track }: MediaFrame): boolean {
    return track === "video" ? this.#start.rungs.length > 0 : this.#start.audio !== null;
  }

  #take(frame: MediaFrame): void {
    // With video, decoding starts at a keyframe; audio frames stand alone.
    const isStart = frame.isKeyframe && (frame.track === "video") === this.#start.rungs.length > 0;
    if (isStart) this.#clock ??= this.#createClock(frame);
    if (frame.track === "video") this.#lag.note(frame, this.#aheadMs);
    this.#backlog.add(frame, isStart, this.#shownTicks);
    if (this.#backlog.dropped === 0 || this.#hasDropped) return;
    this.#hasDropped = true;
    this.#options.log.warn("engine.dropping", { atMs: Math.round(frame.dtsTicks / TICKS_PER_MS) });
  }

  #createClock(first: MediaFrame): EngineClock {
    const { sourceClock } = this.#start;
    if (sourceClock !== null) return new PassedClock(sourceClock);
    return new GridClock(this.#rate, ptsTicksOf(first));
  }

  /** Viewers have been shown the source up to here; -Infinity: none of it. */
  get #shownTicks(): number {
    if (this.#start.rungs.length === 0) return this.#shown.audioTicks;
    const showFromS = this.#showFromS;
    if (this.#clock === null || showFromS === null) return -Infinity;
    return this.#clock.toBroadcastTicks(showFromS * 1000);
  }

  /** In ffmpeg's time: the first frame after what viewers have been shown; null before the first. */
  get #showFromS(): number | null {
    const shownTicks = this.#shown.videoTicks;
    if (this.#clock === null || !Number.isFinite(shownTicks)) return null;
    return this.#clock.justAfter(shownTicks);
  }

  /** Lets a source that was asked to pause go on, once there is room. */
  #release(): void {
    if (!this.#isFull) this.#output.onDrain();
  }

  /** `isOtherEncoding`: with other settings than the one before. */
  #spawn(isOtherEncoding: boolean): void {
    const { rungs } = this.#shedding.step;
    this.#switchBeforeMs = null;
    this.#speed.restart();
    this.#shown.restart(rungs, isOtherEncoding);
    this.#backlog.rewind(this.#shownTicks);
    const { startTicks } = this.#backlog;
    if (startTicks !== null) this.#clock = this.#clock?.restartAt(startTicks) ?? null;
    const run = this.#createRun();
    this.#state = { kind: "running", run };
    this.#options.log.debug("engine.started", { pid: run.pid, rungs: rungs.length });
    run.pump();
  }

  #createRun(): FfmpegRun {
    const { video, audio, sourceClock, fps } = this.#start;
    const showFromS = this.#showFromS;
    return new FfmpegRun({
      argv: [this.#options.ffmpegPath, ...this.#buildArgs(showFromS)],
      takesPictures: picturesOf(this.#start) !== null,
      // Without a rate of its own on the command line an encoder plans for that of its input.
      header: writeInputHeader({ video, audio }, sourceClock === null ? null : fps),
      take: () => this.#nextInput(showFromS),
      hasWaiting: () => this.#backlog.hasWaiting,
      outputs: {
        rungs: this.#shedding.step.rungs.length,
        hasAudio: audio !== null,
        onVideo: (rung, encoded) =>
          this.#inTime((clock) => this.#shown.pushVideo(rung, encoded, clock)),
        onAudio: (encoded) => this.#inTime((clock) => this.#shown.pushAudio(encoded, clock)),
        onPicture: (engineMs, jpeg) =>
          this.#inTime((clock) =>
            this.#output.onPicture(clock.toBroadcastTicks(engineMs) / TICKS_PER_MS, jpeg)
          ),
      },
      onFirstFrame: () => this.#shedding.restart(performance.now()),
      onDrain: () => this.#release(),
      onTick: (nowMs) => this.#govern(nowMs),
      onExit: (exit) => this.#onExit(exit),
      log: this.#options.log,
    });
  }

  #nextInput(showFromS: number | null): NextInput | null {
    const frame = this.#backlog.take();
    if (frame === undefined || this.#clock === null) return null;
    const bytes = writeInputFrame(frame, this.#clock, this.#start);
    const shownAtS = this.#clock.toEngineMs(ptsTicksOf(frame)) / 1000;
    return { bytes, isNew: showFromS === null || shownAtS >= showFromS };
  }

  #buildArgs(showFromS: number | null): string[] {
    const { rungs, isHurried, isSplit } = this.#shedding.step;
    const { audio, video, sourceClock, segmentTargetMs, pictureSize } = this.#start;
    return buildFfmpegArgs({
      rungs,
      rate: sourceClock === null ? this.#rate : null,
      isInterlaced: video?.isInterlaced ?? false,
      encodesAudio: audio !== null,
      segmentTargetMs,
      encoder: this.#options.encoder,
      isHurried,
      isSplit,
      pictureSize,
      frameModeFlag: this.#options.frameModeFlag,
      showFromS,
    });
  }

  /** Nothing comes out before something was put in. */
  #inTime(act: (clock: EngineClock) => void): void {
    if (this.#clock !== null) act(this.#clock);
  }

  /** Starts anew with less to do, or with more, when the lag says so. */
  #govern(nowMs: number): void {
    const state = this.#state;
    const isSeen = this.#start.rungs.length > 0;
    this.#speed.note(isSeen ? this.#shown.videoTicks : this.#shown.audioTicks, nowMs);
    // One that has shown nothing yet decodes what its predecessor had shown: that is no lag.
    if (state.kind !== "running" || !state.run.hasDelivered || !isSeen) return;
    if (this.#switchBeforeMs !== null) {
      if (nowMs > this.#switchBeforeMs) this.#switch();
      return;
    }
    const lagMs = this.#lag.behind(this.#shown.videoTicks);
    const isCheap = this.#backlog.newestGroupTicks < CHEAP_GROUP_TICKS;
    const action = this.#shedding.note(lagMs, nowMs, isCheap);
    if (action === "none") return;
    const { level, shortfall } = this.#shedding;
    const { log } = this.#options;
    if (action === "skip") {
      log.warn("engine.skipped", { lagMs });
      this.#backlog.skip();
      return this.#release();
    }
    log.warn("engine.load_changed", { step: level, lagMs, shortfall });
    if (this.#start.sourceClock === null) return this.#switch();
    // Beside a copy all renditions begin a segment where the source has a keyframe, and only there.
    this.#switchBeforeMs = nowMs + SWITCH_MS;
    this.#shown.endAtKeyframe(() => this.#switch());
  }

  #switch(): void {
    if (this.#state.kind !== "running") return;
    this.#state.run.abandon();
    this.#spawnAgain(true);
  }

  #spawnAgain(isOtherEncoding: boolean): void {
    this.#spawn(isOtherEncoding);
    this.#release();
  }

  #onExit(exit: ChildExit): void {
    const state = this.#state;
    if (state.kind !== "running") return;
    const { code, signal } = exit;
    const delayMs = this.#budget.take(performance.now(), state.run.hasDelivered);
    this.#options.log.warn("engine.exited", { code, signal, delayMs, stderr: exit.stderr });
    if (delayMs === null) {
      this.#state = { kind: "stopped" };
      this.#output.onDrain();
      this.#output.onFailure(new TranscoderFailure(exit));
      return;
    }
    const isOtherEncoding = this.#switchBeforeMs !== null;
    const timer = setTimeout(() => this.#spawnAgain(isOtherEncoding), delayMs);
    this.#state = { kind: "restarting", timer };
  }
}
