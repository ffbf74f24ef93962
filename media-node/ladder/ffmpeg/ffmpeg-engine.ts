/**
 * The engine port over the ffmpeg command line: one supervised process per broadcast, started anew
 * when it dies or hangs. A new one decodes from the keyframe before what was not shown yet and shows
 * only that, so a restart costs viewers a moment of delay and no frame. When the machine
 * cannot keep up, it is started anew with less to do; a rung left out shows what the one below shows.
 */
import type { Logger } from "#shared/log.ts";
import { type FlvTag, type RungPlan, VIDEO_TIMESCALE } from "../../formats/media.ts";
import { BoxError } from "../../formats/mp4/boxes.ts";
import type { Engine, EngineOutput, EngineStart } from "../engine.ts";
import { type EngineClock, GridClock, PassedClock } from "../engine-clock.ts";
import {
  buildFfmpegArgs,
  type Encoder,
  type FrameModeFlag,
  takesPicturesOf,
} from "./ffmpeg-args.ts";
import { AudioOutput, RungOutput } from "./ffmpeg-output.ts";
import { FlvError } from "../../formats/flv/flv-reader.ts";
import { writeFlvHeader, writeFlvTag } from "../../formats/flv/flv-writer.ts";
import { type FrameRate, toFrameRate } from "../../formats/frame-rate.ts";
import { InputQueue } from "./input-queue.ts";
import { costOfStep, describeShortfall, type LoadStep, planLoadSteps } from "../load-steps.ts";
import { LoadGovernor } from "../load-governor.ts";
import { writeFrameRate } from "../../formats/flv/metadata-tag.ts";
import { createOutputReader, type OutputReader } from "./output-reader.ts";
import { type ChildExit, SupervisedProcess } from "./process.ts";
import { RestartBudget } from "./restart-budget.ts";
import { isSequenceHeader, isVideoKeyframe, ptsMsOf } from "../source-tag.ts";
import { UnshownSource } from "./unshown-source.ts";
import { Watchdog } from "./watchdog.ts";

export type FfmpegEngineOptions = {
  readonly ffmpegPath: string;
  readonly encoder: Encoder;
  readonly frameModeFlag?: FrameModeFlag;
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

const TICKS_PER_MS = VIDEO_TIMESCALE / 1000;
/** What may wait in the process's own pipe, where it cannot be taken back. */
const PIPE_BYTES = 128 * 1024;
const WATCH_INTERVAL_MS = 500;
const SPEED_SMOOTHING = 0.3;
/** The rate that audio alone is timed with: any will do, it only sets the lead. */
const AUDIO_ONLY_FPS = 30;

/** One run of ffmpeg. */
type Run = {
  readonly child: SupervisedProcess;
  readonly watchdog: Watchdog;
  readonly watchTimer: ReturnType<typeof setInterval>;
  hasDelivered: boolean;
};

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly run: Run }
  | { readonly kind: "restarting"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: "stopped" };

export class FfmpegEngine implements Engine {
  readonly #options: FfmpegEngineOptions;
  readonly #budget = new RestartBudget();
  readonly #unshown = new UnshownSource();
  readonly #queue = new InputQueue();
  #state: State = { kind: "idle" };
  #start: EngineStart | undefined;
  #output: EngineOutput | undefined;
  #rate: FrameRate = toFrameRate(AUDIO_ONLY_FPS);
  #clock: EngineClock | undefined;
  #rungs: readonly RungOutput[] = [];
  #audio: AudioOutput | undefined;
  #steps: readonly LoadStep[] = [];
  #governor: LoadGovernor | undefined;
  #headMs = 0;
  #aheadMs = 0;
  #dropped = 0;
  #speed: number | null = null;
  #stopping: Promise<void> | undefined;

  constructor(options: FfmpegEngineOptions) {
    this.#options = options;
  }

  get speed(): number | null {
    return this.#speed;
  }

  get shortfall(): string | null {
    return describeShortfall(this.#start?.rungs ?? [], this.#step);
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
    const shownTicks = start.resume?.shownTicks ?? -Infinity;
    this.#rungs = start.rungs.map(({ name }) => new RungOutput(name, output, shownTicks));
    if (start.encodesAudio) this.#audio = new AudioOutput(output);
    this.#steps = planLoadSteps(start, this.#options.encoder);
    const costs = this.#steps.map((step) => costOfStep(step, start.rungs));
    this.#governor = new LoadGovernor(costs, performance.now());
    for (const tag of start.resume?.tags ?? []) this.#take(tag, start);
    this.#spawn(start);
  }

  push(tag: FlvTag, aheadMs: number): boolean {
    this.#aheadMs = aheadMs;
    const start = this.#start;
    if (start === undefined || !this.#isWanted(tag, start)) return true;
    const isStart = this.#take(tag, start);
    const state = this.#state;
    if (this.#clock === undefined || state.kind !== "running") return true;
    const wasFull = this.#isFull;
    this.#queue.add(tag, isStart);
    this.#noteDropped();
    this.#pump(state.run);
    if (wasFull) this.#release();
    return !this.#isFull;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const state = this.#state;
    if (state.kind === "restarting") clearTimeout(state.timer);
    if (state.kind === "running") {
      clearInterval(state.run.watchTimer);
      for (let tag = this.#queue.take(); tag !== undefined; tag = this.#queue.take()) {
        this.#write(state.run, tag);
      }
    }
    this.#state = { kind: "stopped" };
    if (state.kind === "running") await state.run.child.stop();
  }

  /** A source that can wait does so before anything must be left out. */
  get #isFull(): boolean {
    return this.#queue.isFull || (this.#queue.isLate && this.#aheadMs > 0);
  }

  get #step(): LoadStep | undefined {
    return this.#steps[this.#governor?.level ?? 0];
  }

  #isWanted(tag: FlvTag, start: EngineStart): boolean {
    if (this.#state.kind === "stopped" || isSequenceHeader(tag)) return false;
    return tag.type === "video"
      ? start.rungs.length > 0
      : tag.type === "audio" && start.encodesAudio;
  }

  /** Remembers the tag for a restart; says whether decoding can begin with it. */
  #take(tag: FlvTag, start: EngineStart): boolean {
    const isStart = this.#isStart(tag, start);
    this.#unshown.add(tag, isStart, this.#shownMs);
    this.#headMs = tag.dtsMs;
    if (isStart) this.#clock ??= this.#createClock(tag, start);
    return isStart;
  }

  /** With video, decoding starts at a keyframe; audio frames stand alone. */
  #isStart(tag: FlvTag, { rungs }: EngineStart): boolean {
    return rungs.length > 0 ? isVideoKeyframe(tag) : tag.type === "audio";
  }

  #createClock(first: FlvTag, { sourceClock }: EngineStart): EngineClock {
    if (sourceClock !== null) return new PassedClock(sourceClock);
    return new GridClock(this.#rate, ptsMsOf(first));
  }

  #noteDropped(): void {
    if (this.#queue.dropped === this.#dropped) return;
    if (this.#dropped === 0) this.#options.log.warn("engine.dropping", { atMs: this.#headMs });
    this.#dropped = this.#queue.dropped;
  }

  /** Hands on what the process takes; the rest waits where it can still be left out. */
  #pump(run: Run): void {
    while (run.child.queuedBytes < PIPE_BYTES) {
      const tag = this.#queue.take();
      if (tag === undefined) return;
      this.#write(run, tag);
    }
  }

  #write(run: Run, tag: FlvTag): void {
    if (this.#clock === undefined) return;
    run.child.write(writeFlvTag(tag, this.#clock.toEngineMs(tag.dtsMs)));
    run.watchdog.noteInput(performance.now());
  }

  #onDrain(child: SupervisedProcess): void {
    const state = this.#state;
    if (state.kind !== "running" || state.run.child !== child) return;
    this.#pump(state.run);
    this.#release();
  }

  /** Lets a source that was asked to pause go on, once there is room. */
  #release(): void {
    if (!this.#isFull) this.#output?.onDrain();
  }

  #spawn(start: EngineStart): void {
    const rungs = this.#step?.rungs ?? start.rungs;
    const watched = rungs.length + (start.encodesAudio ? 1 : 0);
    const watchdog = new Watchdog(watched, performance.now());
    const read = this.#createReader(start, rungs, watchdog);
    const child: SupervisedProcess = new SupervisedProcess({
      argv: [this.#options.ffmpegPath, ...this.#buildArgs(start, rungs)],
      extraOutputs: watched + (takesPicturesOf(start) ? 1 : 0),
      onOutput: (fd, chunk) => this.#read(() => read(fd, chunk), child),
      onDrain: () => this.#onDrain(child),
      onExit: (exit) => this.#onExit(exit, child),
    });
    const watchTimer = setInterval(() => this.#watch(run), WATCH_INTERVAL_MS);
    const run: Run = { child, watchdog, watchTimer, hasDelivered: false };
    this.#state = { kind: "running", run };
    this.#options.log.debug("engine.started", { pid: child.pid, rungs: rungs.length });
    this.#governor?.restart(performance.now());
    for (const [index, rung] of start.rungs.entries()) {
      this.#rungs[index]?.restart(shownInPlaceOf(rung, rungs));
    }
    this.#queue.clear();
    this.#writeHeaders(child, start);
    for (const tag of this.#unshown.after(this.#shownMs)) {
      this.#queue.add(tag, this.#isStart(tag, start));
    }
    this.#pump(run);
  }

  /** The last frame of every rung that viewers have; -Infinity before the first, Infinity without rungs. */
  get #shownTicks(): number {
    return Math.min(...this.#rungs.map((rung) => rung.lastDtsTicks));
  }

  /** Viewers have been shown the source up to here, in ms; -Infinity: none of it. */
  get #shownMs(): number {
    if (this.#rungs.length === 0) return this.#audio?.lastPtsMs ?? -Infinity;
    const shownTicks = this.#shownTicks;
    if (this.#clock === undefined || !Number.isFinite(shownTicks)) return -Infinity;
    return this.#clock.toBroadcastMs(this.#clock.justAfter(shownTicks) * 1000);
  }

  #writeHeaders(child: SupervisedProcess, start: EngineStart): void {
    const tracks = { hasVideo: start.rungs.length > 0, hasAudio: start.encodesAudio };
    child.write(writeFlvHeader(tracks));
    // Without a rate of its own on the command line an encoder plans for that of its input.
    if (start.sourceClock !== null) child.write(writeFlvTag(writeFrameRate(start.fps ?? 0), 0));
    for (const header of start.sequenceHeaders) {
      const isRead = header.type === "video" ? tracks.hasVideo : tracks.hasAudio;
      if (isRead) child.write(writeFlvTag(header, 0));
    }
  }

  #buildArgs(start: EngineStart, rungs: readonly RungPlan[]): string[] {
    const shownTicks = this.#shownTicks;
    const isResuming = Number.isFinite(shownTicks);
    return buildFfmpegArgs({
      rungs,
      rate: start.sourceClock === null ? this.#rate : null,
      encodesAudio: start.encodesAudio,
      segmentTargetMs: start.segmentTargetMs,
      encoder: this.#options.encoder,
      isHurried: this.#step?.isHurried ?? false,
      isSplit: this.#step?.isSplit ?? true,
      takesPictures: start.takesPictures,
      frameModeFlag: this.#options.frameModeFlag,
      showFromS: isResuming ? this.#clock?.justAfter(shownTicks) ?? null : null,
    });
  }

  #createReader(
    start: EngineStart,
    encoded: readonly RungPlan[],
    watchdog: Watchdog,
  ): OutputReader {
    const shownBy = encoded.map((shown) =>
      this.#rungs.filter((_, index) => {
        const rung = start.rungs[index];
        return rung !== undefined && shownInPlaceOf(rung, encoded) === shown;
      })
    );
    return createOutputReader({
      shownBy,
      audio: this.#audio,
      clock: () => this.#clock,
      onProgress: ({ count, speed }) => {
        watchdog.noteProgress(count);
        if (speed !== null) this.#speed = smooth(this.#speed, speed);
      },
      onFrame: (output) => {
        watchdog.noteOutput(output);
        if (this.#state.kind === "running") this.#state.run.hasDelivered = true;
      },
      onPicture: (ptsMs, jpeg) => this.#onPicture(ptsMs, jpeg),
    });
  }

  /** Output that cannot be read is a fault of that ffmpeg: another one takes its place. */
  #read(read: () => void, child: SupervisedProcess): void {
    const state = this.#state;
    // One that was replaced has nothing more to say.
    if (state.kind === "running" && state.run.child !== child) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof FlvError || error instanceof BoxError)) throw error;
      this.#options.log.warn("engine.unreadable", { pid: child.pid, reason: error.message });
      child.kill();
    }
  }

  #onPicture(ptsMs: number, jpeg: Uint8Array): void {
    const clock = this.#clock;
    if (clock !== undefined) this.#output?.onPicture(clock.toBroadcastMs(ptsMs), jpeg);
  }

  #watch(run: Run): void {
    const nowMs = performance.now();
    const hasInput = run.child.queuedBytes > 0 || !this.#queue.isEmpty;
    const problem = run.watchdog.check(nowMs, hasInput);
    if (problem === null) return this.#govern(run, nowMs);
    this.#options.log.warn("engine.stalled", { pid: run.child.pid, problem });
    run.child.kill();
  }

  /** Starts anew with less to do, or with more, when the lag says so. */
  #govern(run: Run, nowMs: number): void {
    const start = this.#start;
    const governor = this.#governor;
    if (start === undefined || governor === undefined || this.#rungs.length === 0) return;
    const lagMs = this.#lagMs;
    if (!governor.note(lagMs, nowMs)) return;
    const { log } = this.#options;
    log.warn("engine.load_changed", { step: governor.level, lagMs, shortfall: this.shortfall });
    clearInterval(run.watchTimer);
    run.child.kill();
    this.#speed = null;
    // What is late by so much is not made up for.
    this.#unshown.keepNewest();
    this.#spawn(start);
    this.#release();
  }

  /** How much of what viewers should have been shown by now they have not. */
  get #lagMs(): number {
    const shownTicks = this.#shownTicks;
    const dueMs = this.#headMs - this.#aheadMs;
    return Number.isFinite(shownTicks)
      ? Math.max(0, Math.round(dueMs - shownTicks / TICKS_PER_MS))
      : 0;
  }

  #onExit(exit: ChildExit, child: SupervisedProcess): void {
    const state = this.#state;
    if (state.kind !== "running" || state.run.child !== child) return;
    clearInterval(state.run.watchTimer);
    const { code, signal } = exit;
    const delayMs = this.#budget.take(performance.now(), state.run.hasDelivered);
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

/** What a rung shows: itself where it is encoded, else the best one below it. */
function shownInPlaceOf(rung: RungPlan, encoded: readonly RungPlan[]): RungPlan {
  return encoded.find(({ name }) => name === rung.name) ?? encoded.at(-1) ?? rung;
}

function smooth(previous: number | null, next: number): number {
  return previous === null ? next : previous + SPEED_SMOOTHING * (next - previous);
}
