/**
 * From the source's tags to the packager: video through the engine, AAC straight. Changes engines
 * when the source changes, with what is under way delivered first.
 */
import type { LadderRung } from "#shared/contracts/ladder.ts";
import type { AudioFrame, FlvTag, RungPlan } from "../media.ts";
import type { Engine, EngineOutput } from "../ladder/engine.ts";
import { type LadderPlan, planLadder } from "../ladder/plan.ts";
import type { Packager, RecordingSummary } from "../packager/port.ts";
import type { Source } from "./intake.ts";

export type PipelineOptions = {
  readonly ladder: readonly LadderRung[];
  /** The rungs the packager was started with: their names stay for the whole broadcast. */
  readonly plan: LadderPlan;
  readonly packager: Packager;
  readonly segmentTargetMs: number;
  readonly createEngine: () => Engine;
  /** The engine is full (true), or takes tags again (false). */
  readonly onBackpressure: (isFull: boolean) => void;
  readonly onFailure: (error: Error) => void;
};

/** FLV: sound format, AAC packet type; then the data. */
const AUDIO_TAG_HEADER_BYTES = 2;
/** What may wait while one engine makes room for the next. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;

type Queued = { readonly tag: FlvTag } | { readonly source: Source };

export class Pipeline {
  readonly #options: PipelineOptions;
  #source: Source;
  #engine: Engine | null = null;
  #stopping: Promise<void> = Promise.resolve();
  #isSwitching = false;
  #isEnded = false;
  #queue: Queued[] = [];
  #queuedBytes = 0;

  constructor(source: Source, options: PipelineOptions) {
    this.#options = options;
    this.#source = source;
    this.#begin(source, options.plan);
  }

  /** Encoded seconds per second; null without an engine. */
  get encodeSpeed(): number | null {
    return this.#engine?.speed ?? null;
  }

  push(tag: FlvTag): void {
    if (this.#isEnded) return;
    if (!this.#isSwitching) return this.#deliver(tag);
    this.#queuedBytes += tag.body.length;
    // Past the cap only the newest are kept: decoding goes on at the next keyframe.
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#dropQueuedTags();
    this.#queue.push({ tag });
  }

  /** The tags that follow come from `source`: another encoder run, perhaps another picture size. */
  changeTo(source: Source): void {
    if (this.#isSwitching) this.#queue.push({ source });
    else this.#startSwitch(source);
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

  #startSwitch(source: Source): void {
    this.#switchTo(source).catch((error: unknown) => {
      this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #switchTo(source: Source): Promise<void> {
    this.#isSwitching = true;
    await this.suspend();
    this.#isSwitching = false;
    if (this.#isEnded) return;
    this.#options.packager.markDiscontinuity();
    this.#source = source;
    this.#begin(source, replan(this.#options, source));
    this.#drainQueue();
  }

  #drainQueue(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const [index, item] of queue.entries()) {
      if ("tag" in item) this.#deliver(item.tag);
      else {
        this.#queue = queue.slice(index + 1);
        this.#startSwitch(item.source);
        return;
      }
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
    if (this.#engine?.push(tag) === false) this.#options.onBackpressure(true);
  }

  #begin(source: Source, plan: LadderPlan): void {
    const { packager, segmentTargetMs, createEngine } = this.#options;
    if (source.audioConfig !== null) packager.setAudioConfig(source.audioConfig);
    const encodesAudio = source.facts.audio !== null && source.audioConfig === null;
    const rungs = plan.rungs.filter((rung) => !rung.isCopy && rung.width !== null);
    if (rungs.length === 0 && !encodesAudio) return;
    const sequenceHeaders = [source.videoHeader, source.audioHeader].filter((tag) => tag !== null);
    const start = { rungs, fps: plan.fps, sequenceHeaders, encodesAudio, segmentTargetMs };
    this.#engine = createEngine();
    this.#engine.start(start, this.#createOutput());
  }

  #createOutput(): EngineOutput {
    const { packager, onBackpressure, onFailure } = this.#options;
    return {
      onVideoConfig: (rung, config) => packager.setVideoConfig(rung, config),
      onVideoSample: (rung, sample) => packager.pushVideo(rung, sample),
      onAudioConfig: (config) => packager.setAudioConfig(config),
      onAudioFrame: (frame: AudioFrame) => packager.pushAudio(frame),
      onDrain: () => onBackpressure(false),
      onFailure,
    };
  }
}

/**
 * The rungs of the broadcast with sizes that fit `source`. A rung that the new source is too small
 * for shows what the largest one does: a broadcast keeps its renditions.
 */
export function replan(
  { ladder, plan }: Pick<PipelineOptions, "ladder" | "plan">,
  source: Source,
): LadderPlan {
  const next = planLadder(ladder, source.facts);
  const largest = next.rungs.at(-1);
  const rungs = plan.rungs.map((rung): RungPlan => {
    const fitting = next.rungs.find(({ name }) => name === rung.name) ?? largest ?? rung;
    return { ...rung, width: fitting.width, height: fitting.height };
  });
  return { rungs, fps: next.fps };
}
