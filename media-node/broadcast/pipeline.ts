/**
 * From the source's frames to the packager: AAC straight, video through the engine or as it is. Changes
 * engines when the source changes, with what is under way delivered first.
 */
import type { LadderPolicy, RenditionFacts } from "#shared/contracts/broadcast.ts";
import type { Finding } from "#shared/contracts/issues.ts";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { type MediaFrame, TICKS_PER_MS } from "../formats/media.ts";
import type { Source } from "../ingest/source.ts";
import type {
  EncoderPace,
  EngineOutput,
  EngineStart,
  RunningEngine,
  StartEngine,
} from "../ladder/engine.ts";
import type { LadderPlan } from "../ladder/plan.ts";
import type { Packager, RecordingSummary } from "../packager/port.ts";
import { encodedRungsOf, renditionsOf, replan } from "./broadcast-plan.ts";
import { isSamePicture } from "./is-same-picture.ts";
import type { PictureSink } from "./picture-sink.ts";
import { PictureWatch } from "./picture-watch.ts";
import { SourceChanges } from "./source-changes.ts";
import { SourceCopy } from "./source-copy.ts";
import { SourcePace } from "./source-pace.ts";

export type PipelineOptions = {
  readonly ladder: readonly LadderRung[];
  /** Whether the source may be a rendition. */
  readonly policy: LadderPolicy;
  /** The rungs the packager was started with: their names stay for the whole broadcast. */
  readonly plan: LadderPlan;
  readonly packager: Packager;
  readonly segmentTargetMs: number;
  readonly startEngine: StartEngine;
  /** Takes the small pictures of a storyboard; null: none are made. */
  readonly pictures: PictureSink | null;
  /** The engine is full (true), or takes frames again (false). */
  readonly onBackpressure: (isFull: boolean) => void;
  readonly onFailure: (error: Error) => void;
  /** The source cannot be carried any longer, in a sentence. */
  readonly onUnsupported: (sentence: string) => void;
  readonly log: Logger;
};

/** What may wait while one engine makes room for the next. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
/** Of changes that wait for their turn: past it the newest source is the only one. */
const MAX_QUEUED_SOURCES = 4;
/** A source that is ahead of its time by more is held back where something else must be waited for. */
const AHEAD_MS = 1500;
/** How long the copy stands alone before another engine is tried. */
const ENGINE_RETRY_MS = 30_000;
const DEFAULT_FPS = 30;

type Queued =
  | { readonly frame: MediaFrame }
  | { readonly source: Source; readonly isNewRun: boolean };
type Resume = EngineStart["resume"];

export class Pipeline {
  readonly #options: PipelineOptions;
  #source: Source;
  /** What comes in now: frames of others may still wait. */
  #incoming: Source;
  #plan: LadderPlan;
  #engine: RunningEngine | null = null;
  #copy: SourceCopy | null = null;
  /** Why the source cannot be copied, in words; once it could not be, it is not tried again. */
  #obstacle: string | null = null;
  #retryAtMs = Infinity;
  #stopping: Promise<void> = Promise.resolve();
  #isSwitching = false;
  #isHeldForSwitch = false;
  #isEnded = false;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  readonly #pace = new SourcePace();
  readonly #pictures = new PictureWatch();
  readonly #changes = new SourceChanges();

  constructor(source: Source, options: PipelineOptions) {
    this.#options = options;
    this.#source = source;
    this.#incoming = source;
    this.#plan = options.plan;
    this.#pictures.restart(source.facts.video?.fps ?? null);
    this.#begin(null);
  }

  /** Null without an engine. */
  get encoder(): EncoderPace | null {
    return this.#engine?.pace ?? null;
  }

  /** The renditions as they are now. */
  get renditions(): RenditionFacts[] {
    return renditionsOf(this.#plan.rungs);
  }

  /** What viewers get less of than was planned. */
  get issues(): Finding[] {
    const unsteady = this.#changes.finding(performance.now());
    return [this.#engineIssue, unsteady].filter((finding) => finding !== null);
  }

  get #engineIssue(): Finding | null {
    const shortfall = this.#engine?.shortfall ?? null;
    if (shortfall !== null) return { code: "MACHINE_BUSY", shortfall };
    return this.#copy?.isStandIn === true ? { code: "ENCODER_LOST" } : null;
  }

  push(frame: MediaFrame): void {
    if (this.#isEnded) return;
    this.#pace.note(frame.dtsTicks / TICKS_PER_MS, performance.now());
    if (!this.#isSwitching) return this.#deliver(frame);
    this.#queuedBytes += frame.data.length;
    // Past the cap only the newest are kept: decoding goes on at the next keyframe.
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#dropQueuedFrames();
    this.#queue.push({ frame });
    if (this.#aheadMs === 0) return;
    this.#isHeldForSwitch = true;
    this.#options.onBackpressure(true);
  }

  /** 0 unless the source can be held back for as long. */
  get #aheadMs(): number {
    const { aheadMs } = this.#pace;
    return aheadMs > AHEAD_MS ? aheadMs : 0;
  }

  /** The frames that follow come from another run of an encoder: there is a break in time. */
  restartWith(source: Source): void {
    this.#incoming = source;
    this.#use(source, true);
  }

  /** The frames that follow need another description: another picture, a track more. */
  changeTo(source: Source): void {
    const isChange = !isSamePicture(this.#incoming, source);
    this.#incoming = source;
    const refusal = isChange ? this.#changes.note(performance.now()) : null;
    if (refusal === null) this.#use(source, false);
    else this.#options.onUnsupported(refusal);
  }

  /** The source is not what it says: from here on it is encoded, if it was copied. */
  distrust(reason: string): void {
    this.#obstacle ??= reason;
    if (this.#copy !== null && !this.#isSwitching) {
      this.#startSwitch(this.#source, this.#copy.resume);
    }
  }

  #use(source: Source, isNewRun: boolean): void {
    if (this.#isSwitching) this.#enqueueSource(source, isNewRun);
    else if (isNewRun || !isSamePicture(this.#source, source)) this.#startSwitch(source, null);
    else this.#describeAnew(source);
  }

  #enqueueSource(source: Source, isNewRun: boolean): void {
    const waiting = this.#queue.filter((item) => "source" in item);
    if (waiting.length >= MAX_QUEUED_SOURCES) {
      // What waits would be shown for a moment each, later and later.
      this.#queue = [];
      this.#queuedBytes = 0;
      isNewRun ||= waiting.some((item) => item.isNewRun);
    }
    this.#queue.push({ source, isNewRun });
  }

  /** Decoders go on: they find new parameter sets in the stream. */
  #describeAnew(source: Source): void {
    const { video, audio } = source;
    const before = this.#source;
    this.#source = source;
    if (video !== null && video !== before.video) this.#copy?.useConfig(video);
    if (audio?.kind === "aac") this.#options.packager.setAudioConfig(audio.config);
  }

  /** No frames for a while: delivers what is under way and ends the engine. */
  async suspend(): Promise<void> {
    const engine = this.#engine;
    this.#engine = null;
    if (engine !== null) {
      this.#stopping = engine.stop();
      this.#options.onBackpressure(false);
    }
    await this.#stopping;
    const absence = this.#pictures.finish();
    if (absence !== null) this.#options.packager.standStill(absence);
  }

  /** Delivers what is under way and closes the packager. */
  async end(): Promise<RecordingSummary> {
    this.#isEnded = true;
    await this.suspend();
    return await this.#options.packager.end();
  }

  #startSwitch(source: Source, resume: Resume): void {
    this.#switchTo(source, resume).catch((error: unknown) => {
      this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /** `resume`: the same source goes on where its copy ended; else there is a break in time. */
  async #switchTo(source: Source, resume: Resume): Promise<void> {
    this.#isSwitching = true;
    await this.suspend();
    this.#isSwitching = false;
    if (this.#isEnded) return;
    if (resume === null) {
      this.#options.packager.markDiscontinuity();
      this.#pictures.restart(source.facts.video?.fps ?? null);
    }
    this.#source = source;
    this.#plan = replan(this.#options, source, this.#obstacle === null);
    this.#options.packager.useRungs(this.#plan.rungs);
    this.#begin(resume);
    if (this.#isHeldForSwitch) this.#options.onBackpressure(false);
    this.#isHeldForSwitch = false;
    this.#drainQueue();
  }

  #drainQueue(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const [index, item] of queue.entries()) {
      if (this.#isSwitching) {
        // Delivering a frame began another switch: the rest waits for it.
        this.#queue.push(...queue.slice(index));
        return;
      }
      if ("frame" in item) this.#deliver(item.frame);
      else this.#use(item.source, item.isNewRun);
    }
  }

  #dropQueuedFrames(): void {
    this.#queue = this.#queue.filter((item) => "source" in item);
    this.#queuedBytes = 0;
  }

  #deliver(frame: MediaFrame): void {
    const absence = this.#hasPictures ? this.#pictures.note(frame) : null;
    this.#deliverFrame(frame);
    if (absence === null) return;
    this.#options.packager.standStill(absence);
  }

  /** The renditions have pictures, whether the source has any now or not. */
  get #hasPictures(): boolean {
    return this.#source.video !== null ||
      this.#options.plan.rungs.some(({ width }) => width !== null);
  }

  #deliverFrame(frame: MediaFrame): void {
    if (frame.track === "audio" && this.#source.audio?.kind === "aac") {
      return this.#options.packager.pushAudio(frame);
    }
    const copy = this.#copy;
    if (frame.track === "video" && copy !== null) {
      this.#retryEngine(copy, frame);
      const obstacle = copy.push(frame);
      // From here on everything is encoded; the frame at hand is in what the copy remembers.
      if (obstacle !== null) return this.distrust(obstacle);
    }
    const aheadMs = this.#aheadMs;
    const isTaken = this.#engine?.push(frame, aheadMs) ?? true;
    // A copy of what comes in time does not wait for the engine: that one skips when it cannot follow.
    if (!isTaken && (copy === null || aheadMs > 0)) this.#options.onBackpressure(true);
  }

  #retryEngine(copy: SourceCopy, { isKeyframe }: MediaFrame): void {
    if (performance.now() < this.#retryAtMs || !isKeyframe) return;
    this.#retryAtMs = Infinity;
    copy.standInFor([]);
    this.#startEngine(null);
  }

  #begin(resume: Resume): void {
    const { packager } = this.#options;
    const { audio } = this.#source;
    if (audio?.kind === "aac") packager.setAudioConfig(audio.config);
    this.#retryAtMs = Infinity;
    const before = this.#copy;
    this.#copy = this.#createCopy();
    if (before !== null && this.#copy === null) {
      const reason = this.#obstacle ?? "its source has changed";
      this.#options.log.info("broadcast.copy_ended", { reason });
    }
    this.#startEngine(resume);
  }

  #createCopy(): SourceCopy | null {
    const { packager, policy } = this.#options;
    const { video } = this.#source;
    const rung = this.#plan.rungs.find(({ isCopy, width }) => isCopy && width !== null);
    if (rung === undefined || video === null) return null;
    const ceilingBps = policy === "copy" ? Infinity : rung.videoBitrateBps;
    const fps = this.#plan.fps ?? DEFAULT_FPS;
    return new SourceCopy({ rung, video, fps, ceilingBps, packager });
  }

  #startEngine(resume: Resume): void {
    const { segmentTargetMs, startEngine, pictures } = this.#options;
    const { video, audio } = this.#source;
    const classic = audio?.kind === "classic" ? audio : null;
    const rungs = video === null ? [] : encodedRungsOf(this.#plan);
    if (rungs.length === 0 && classic === null) return;
    this.#engine = startEngine({
      rungs,
      fps: this.#plan.fps,
      video: rungs.length === 0 ? null : video,
      audio: classic,
      segmentTargetMs,
      sourceClock: this.#copy?.clock ?? null,
      resume,
      pictureSize: pictures?.size ?? null,
    }, this.#createOutput(classic !== null));
  }

  #createOutput(encodesAudio: boolean): EngineOutput {
    const { packager, onBackpressure, onFailure, pictures } = this.#options;
    return {
      onVideoConfig: (rung, config) => packager.setVideoConfig(rung, config),
      onVideoSample: (rung, sample) => packager.pushVideo(rung, sample),
      onAudioConfig: (config) => packager.setAudioConfig(config),
      onAudioFrame: (frame) => packager.pushAudio(frame),
      onPicture: (ptsMs, jpeg) => pictures?.add(ptsMs, jpeg),
      onDrain: () => onBackpressure(false),
      onFailure: (error) => {
        if (this.#copy === null || encodesAudio) onFailure(error);
        else this.#standAlone(this.#copy, error);
      },
    };
  }

  /** The engine is gone, the copy is not: viewers of the other renditions get it, too. */
  #standAlone(copy: SourceCopy, error: Error): void {
    this.#options.log.warn("broadcast.engine_lost", { reason: messageOf(error) });
    this.#engine = null;
    this.#retryAtMs = performance.now() + ENGINE_RETRY_MS;
    copy.standInFor(encodedRungsOf(this.#plan).map(({ name }) => name));
  }
}
