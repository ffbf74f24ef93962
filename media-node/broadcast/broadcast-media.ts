/**
 * What a broadcast has once media has arrived: its packager, and the pipeline that feeds it.
 */
import type { RenditionFacts } from "#shared/contracts/broadcast.ts";
import type { Finding } from "#shared/contracts/issues.ts";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import type { Logger } from "#shared/log.ts";
import type { MediaFrame } from "../formats/media.ts";
import type { Source } from "../ingest/source.ts";
import type { EncoderPace, StartEngine } from "../ladder/engine.ts";
import type { LadderPlan } from "../ladder/plan.ts";
import { createPackager, resumePackager } from "../packager/packager.ts";
import type { Packager, PackagerStart, RecordingSummary } from "../packager/port.ts";
import type { Authorisation } from "./authorisation.ts";
import { planBroadcast, renditionsOf } from "./broadcast-plan.ts";
import type { SourceHealth } from "./health.ts";
import { packagerStartOf, type RunningEntry } from "./journal-entry.ts";
import {
  describePackager,
  packagerDeps,
  type PackagerSite,
  replanFor,
  SEGMENT_TARGET_MS,
} from "./packager-start.ts";
import { Pipeline, type PipelineOptions } from "./pipeline.ts";
import { SeldomLog } from "./seldom-log.ts";

export type MediaSite = PackagerSite & {
  readonly ladder: readonly LadderRung[];
  readonly createEngine: (log: Logger) => StartEngine;
  readonly dvrWindowS: number;
};

export type MediaHooks = Pick<
  PipelineOptions,
  "pictures" | "onBackpressure" | "onFailure" | "onUnsupported"
>;

export type MediaOptions = {
  readonly authorisation: Authorisation;
  readonly site: MediaSite;
  readonly hooks: MediaHooks;
};

export class BroadcastMedia {
  readonly packager: Packager;
  readonly start: PackagerStart;
  readonly #options: MediaOptions;
  /** Null: a process before began the broadcast, and its publisher has not returned yet. */
  #pipeline: Pipeline | null = null;
  readonly #changeLog: SeldomLog;

  private constructor(options: MediaOptions, packager: Packager, start: PackagerStart) {
    this.#options = options;
    this.packager = packager;
    this.start = start;
    this.#changeLog = new SeldomLog(options.site.log, "broadcast.source_changed");
  }

  /** A broadcast that begins with `source`; `zeroAtMs`: wall clock (Unix ms) of its first frame. */
  static begin(options: MediaOptions, source: Source, zeroAtMs: number): BroadcastMedia {
    const { authorisation, site } = options;
    const plan = planBroadcast(
      { ladder: site.ladder, policy: authorisation.settings.ladder },
      source,
    );
    const times = { wallClockAtZeroMs: zeroAtMs, dvrWindowS: site.dvrWindowS };
    const start = describePackager(authorisation, source, plan, times);
    const packager = createPackager(start, packagerDeps(authorisation, site));
    const media = new BroadcastMedia(options, packager, start);
    media.#pipeline = media.#createPipeline(source, plan);
    return media;
  }

  /**
   * A broadcast that a process before began: its playlists are answered again.
   * @throws StorageError when its recording cannot be read
   */
  static async resume(options: MediaOptions, entry: RunningEntry): Promise<BroadcastMedia> {
    const { authorisation, site } = options;
    const start = { ...packagerStartOf(entry), dvrWindowS: site.dvrWindowS };
    const packager = await resumePackager(start, packagerDeps(authorisation, site));
    return new BroadcastMedia(options, packager, start);
  }

  /** Null without an engine. */
  get encoder(): EncoderPace | null {
    return this.#pipeline?.encoder ?? null;
  }

  /** The renditions as they are now. */
  get renditions(): RenditionFacts[] {
    return this.#pipeline?.renditions ?? renditionsOf(this.start.rungs);
  }

  /** What viewers get less of than was planned. */
  get issues(): Finding[] {
    return this.#pipeline?.issues ?? [];
  }

  /** What the health of `source` is measured by. */
  measureOf({ facts, audio }: Source): SourceHealth {
    const mayBeCopied = this.#options.authorisation.settings.ladder === "auto";
    return {
      ceilingBps: mayBeCopied ? this.start.rungs.at(-1)?.videoBitrateBps ?? null : null,
      declaredBps: facts.video?.bitrateBps ?? null,
      encodedAudio: audio?.kind === "classic" ? audio.codec : null,
    };
  }

  /** Another run of an encoder, whose zero is at `zeroAtMs`; after a crash the first one of this process. */
  restartWith(source: Source, zeroAtMs: number): void {
    this.#options.site.log.info("broadcast.resumed", { source: source.facts });
    this.packager.useClock(zeroAtMs);
    if (this.#pipeline !== null) return this.#pipeline.restartWith(source);
    const { authorisation, site } = this.#options;
    const plan = replanFor(authorisation, site.ladder, source, this.start);
    this.#pipeline = this.#createPipeline(source, plan);
  }

  /** The frames that follow need another description. */
  changeTo(source: Source): void {
    this.#changeLog.note({ source: source.facts }, performance.now());
    this.#pipeline?.changeTo(source);
  }

  /** The source is not what it says. */
  distrust(reason: string): void {
    this.#pipeline?.distrust(reason);
  }

  push(frame: MediaFrame): void {
    this.#pipeline?.push(frame);
  }

  /** No frames for a while: viewers get what was under way, the encoder's place is free for others. */
  async suspend(): Promise<void> {
    await this.#pipeline?.suspend();
  }

  /** Delivers what is under way and completes the recording. */
  async end(): Promise<RecordingSummary> {
    return await (this.#pipeline?.end() ?? this.packager.end());
  }

  #createPipeline(source: Source, plan: LadderPlan): Pipeline {
    const { authorisation: { settings }, site, hooks } = this.#options;
    return new Pipeline(source, {
      ...hooks,
      ladder: site.ladder,
      policy: settings.ladder,
      plan,
      packager: this.packager,
      segmentTargetMs: SEGMENT_TARGET_MS,
      startEngine: site.createEngine(site.log),
      log: site.log,
    });
  }
}
