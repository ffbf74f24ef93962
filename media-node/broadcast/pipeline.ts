/**
 * From the source's tags to the packager: AAC straight, video through the engine or as it is. Changes
 * engines when the source changes, with what is under way delivered first.
 */
import type { Issue, LadderPolicy } from "#shared/contracts/broadcast.ts";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { planCopy } from "../ladder/copy-rule.ts";
import type { Engine, EngineOutput, EngineStart } from "../ladder/engine.ts";
import { type LadderPlan, planLadder } from "../ladder/plan.ts";
import { isVideoKeyframe } from "../ladder/source-tag.ts";
import type { AudioFrame, FlvTag, RungPlan } from "../formats/media.ts";
import type { Packager, RecordingSummary } from "../packager/port.ts";
import type { Source } from "../ingest/intake.ts";
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
  readonly createEngine: () => Engine;
  /** Takes the small pictures of a storyboard; null: none are made. */
  readonly onPicture: ((ptsMs: number, jpeg: Uint8Array) => void) | null;
  /** The engine is full (true), or takes tags again (false). */
  readonly onBackpressure: (isFull: boolean) => void;
  readonly onFailure: (error: Error) => void;
  readonly log: Logger;
};

/** FLV: sound format, AAC packet type; then the data. */
const AUDIO_TAG_HEADER_BYTES = 2;
/** What may wait while one engine makes room for the next. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
/** A source that is ahead of its time by more is held back where something else must be waited for. */
const AHEAD_MS = 1500;
/** How long the copy stands alone before another engine is tried. */
const ENGINE_RETRY_MS = 30_000;
const DEFAULT_FPS = 30;

type Queued = { readonly tag: FlvTag } | { readonly source: Source };
type Resume = EngineStart["resume"];

export class Pipeline {
  readonly #options: PipelineOptions;
  #source: Source;
  #plan: LadderPlan;
  #engine: Engine | null = null;
  #copy: SourceCopy | null = null;
  /** A source that once could not be copied is not tried again. */
  #mayCopy = true;
  #retryAtMs = Infinity;
  #stopping: Promise<void> = Promise.resolve();
  #isSwitching = false;
  #isHeldForSwitch = false;
  #isEnded = false;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  readonly #pace = new SourcePace();

  constructor(source: Source, options: PipelineOptions) {
    this.#options = options;
    this.#source = source;
    this.#plan = options.plan;
    this.#begin(null);
  }

  /** Encoded seconds per second; null without an engine. */
  get encodeSpeed(): number | null {
    return this.#engine?.speed ?? null;
  }

  /** What viewers get less of than was planned. */
  get issues(): Issue[] {
    const shortfall = this.#engine?.shortfall ?? null;
    if (shortfall !== null) return [{ code: "DEGRADED", detail: shortfall }];
    if (this.#copy?.isStandIn !== true) return [];
    const detail = "The smaller sizes cannot be encoded at the moment: every rendition shows the " +
      "source as it is. It is tried again every 30 s.";
    return [{ code: "DEGRADED", detail }];
  }

  push(tag: FlvTag): void {
    if (this.#isEnded) return;
    this.#pace.note(tag.dtsMs, performance.now());
    if (!this.#isSwitching) return this.#deliver(tag);
    this.#queuedBytes += tag.body.length;
    // Past the cap only the newest are kept: decoding goes on at the next keyframe.
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#dropQueuedTags();
    this.#queue.push({ tag });
    if (this.#aheadMs === 0) return;
    this.#isHeldForSwitch = true;
    this.#options.onBackpressure(true);
  }

  /** 0 unless the source can be held back for as long. */
  get #aheadMs(): number {
    const { aheadMs } = this.#pace;
    return aheadMs > AHEAD_MS ? aheadMs : 0;
  }

  /** The tags that follow come from `source`: another encoder run, perhaps another picture size. */
  changeTo(source: Source): void {
    if (this.#isSwitching) this.#queue.push({ source });
    else this.#startSwitch(source, null);
  }

  /** No tags for a while: delivers what is under way and ends the engine. */
  async suspend(): Promise<void> {
    const engine = this.#engine;
    this.#engine = null;
    if (engine !== null) {
      this.#stopping = engine.stop();
      this.#options.onBackpressure(false);
    }
    await this.#stopping;
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
    if (resume === null) this.#options.packager.markDiscontinuity();
    this.#source = source;
    this.#plan = replan(this.#options, source, this.#mayCopy);
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
        // Delivering a tag began another switch: the rest waits for it.
        this.#queue.push(...queue.slice(index));
        return;
      }
      if ("tag" in item) this.#deliver(item.tag);
      else this.#startSwitch(item.source, null);
    }
  }

  #dropQueuedTags(): void {
    this.#queue = this.#queue.filter((item) => "source" in item);
    this.#queuedBytes = 0;
  }

  #deliver(tag: FlvTag): void {
    if (tag.type === "audio" && this.#source.audioConfig !== null) {
      const data = tag.body.subarray(AUDIO_TAG_HEADER_BYTES);
      return this.#options.packager.pushAudio({ ptsMs: tag.dtsMs, data });
    }
    const copy = this.#copy;
    if (tag.type === "video" && copy !== null) {
      this.#retryEngine(copy, tag);
      const obstacle = copy.push(tag);
      if (obstacle !== null) return this.#stopCopying(copy, obstacle);
    }
    const aheadMs = this.#aheadMs;
    const isTaken = this.#engine?.push(tag, aheadMs) ?? true;
    // A copy of what comes in time does not wait for the engine: that one skips when it cannot follow.
    if (!isTaken && (copy === null || aheadMs > 0)) this.#options.onBackpressure(true);
  }

  /** Everything is encoded from here on; the frame at hand is in what the copy remembers. */
  #stopCopying(copy: SourceCopy, reason: string): void {
    this.#options.log.info("broadcast.copy_ended", { reason });
    this.#mayCopy = false;
    this.#startSwitch(this.#source, copy.resume);
  }

  #retryEngine(copy: SourceCopy, tag: FlvTag): void {
    if (performance.now() < this.#retryAtMs || !isVideoKeyframe(tag)) return;
    this.#retryAtMs = Infinity;
    copy.standInFor([]);
    this.#startEngine(null);
  }

  #begin(resume: Resume): void {
    const { packager } = this.#options;
    const { audioConfig } = this.#source;
    if (audioConfig !== null) packager.setAudioConfig(audioConfig);
    this.#retryAtMs = Infinity;
    this.#copy = this.#createCopy();
    this.#startEngine(resume);
  }

  #createCopy(): SourceCopy | null {
    const { packager, policy } = this.#options;
    const { videoHeader: header } = this.#source;
    const rung = this.#plan.rungs.find(({ isCopy, width }) => isCopy && width !== null);
    if (rung === undefined || header === null) return null;
    const ceilingBps = policy === "copy" ? Infinity : rung.videoBitrateBps;
    const fps = this.#plan.fps ?? DEFAULT_FPS;
    return new SourceCopy({ rung, header, fps, ceilingBps, packager });
  }

  #startEngine(resume: Resume): void {
    const { segmentTargetMs, createEngine, onPicture } = this.#options;
    const { facts, audioConfig, videoHeader, audioHeader } = this.#source;
    const encodesAudio = facts.audio !== null && audioConfig === null;
    const rungs = encodedRungsOf(this.#plan);
    if (rungs.length === 0 && !encodesAudio) return;
    this.#engine = createEngine();
    this.#engine.start({
      rungs,
      fps: this.#plan.fps,
      sequenceHeaders: [videoHeader, audioHeader].filter((tag) => tag !== null),
      encodesAudio,
      segmentTargetMs,
      sourceClock: this.#copy?.clock ?? null,
      resume,
      takesPictures: onPicture !== null,
    }, this.#createOutput(encodesAudio));
  }

  #createOutput(encodesAudio: boolean): EngineOutput {
    const { packager, onBackpressure, onFailure, onPicture } = this.#options;
    return {
      onVideoConfig: (rung, config) => packager.setVideoConfig(rung, config),
      onVideoSample: (rung, sample) => packager.pushVideo(rung, sample),
      onAudioConfig: (config) => packager.setAudioConfig(config),
      onAudioFrame: (frame: AudioFrame) => packager.pushAudio(frame),
      onPicture: (ptsMs, jpeg) => onPicture?.(ptsMs, jpeg),
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

function encodedRungsOf({ rungs }: LadderPlan): RungPlan[] {
  return rungs.filter((rung) => !rung.isCopy && rung.width !== null);
}

/** The renditions a broadcast of `source` begins with. */
export function planBroadcast(
  { ladder, policy }: Pick<PipelineOptions, "ladder" | "policy">,
  source: Source,
): LadderPlan {
  return planCopy(planLadder(ladder, source.facts), policy, source);
}

/**
 * The rungs of the broadcast with sizes that fit `source`. A rung that the new source is too small
 * for shows what the largest one does: a broadcast keeps its renditions.
 */
export function replan(
  { ladder, policy, plan }: Pick<PipelineOptions, "ladder" | "policy" | "plan">,
  source: Source,
  mayCopy: boolean,
): LadderPlan {
  const next = planBroadcast({ ladder, policy: mayCopy ? policy : "encode" }, source);
  const largest = next.rungs.at(-1);
  const top = plan.rungs.at(-1);
  const rungs = plan.rungs.map((rung): RungPlan => {
    const isCopy = rung === top && largest?.isCopy === true;
    const named = next.rungs.find(({ name }) => name === rung.name);
    const fitting = (isCopy ? largest : named) ?? largest ?? rung;
    return { ...rung, width: fitting.width, height: fitting.height, isCopy };
  });
  return { rungs, fps: next.fps };
}
