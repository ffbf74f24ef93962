/**
 * One broadcast on its node: from the accepted publisher, through reconnects, to the end that is
 * reported with exactly one reason.
 */
import type { EndReason } from "#shared/contracts/broadcast.ts";
import type { AuthoriseResponse, ProgressRequest } from "#shared/contracts/control.ts";
import { ORIGINALS } from "#shared/contracts/jobs.ts";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import type { ControlPlane } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import type { FlvFeed } from "../live/flv-feed.ts";
import type { PublisherEnd, PublisherSink } from "../ingest/port.ts";
import { Timeline } from "../ingest/timeline.ts";
import type { Engine } from "../ladder/engine.ts";
import type { LadderPlan } from "../ladder/plan.ts";
import type { FlvTag } from "../formats/media.ts";
import type { LiveRegistry } from "../live/live-registry.ts";
import { createPackager, resumePackager } from "../packager/packager.ts";
import type { Packager, PackagerStart, RecordingSummary } from "../packager/port.ts";
import type { Recorder } from "../recorder/port.ts";
import { asEndBeforeMedia, BroadcastReports } from "./broadcast-reports.ts";
import { Intake, type Source } from "../ingest/intake.ts";
import type { BroadcastJournal, SavedBroadcast } from "./journal.ts";
import { PictureStore } from "./picture-store.ts";
import {
  describeOversize,
  describePackager,
  packagerDeps,
  replanFor,
  SEGMENT_TARGET_MS,
} from "./packager-start.ts";
import { Pipeline, planBroadcast } from "./pipeline.ts";
import { PosterTaker } from "./poster-taker.ts";
import { PublisherConnection } from "./publisher-connection.ts";
import { StreamHealth } from "./stream-health.ts";

export type LiveStreamDeps = {
  readonly nodeId: string;
  readonly ladder: readonly LadderRung[];
  readonly ffmpegPath: string;
  readonly createEngine: (log: Logger) => Engine;
  readonly control: ControlPlane;
  readonly live: LiveRegistry;
  readonly recorder: Recorder;
  readonly storage: Storage;
  readonly journal: BroadcastJournal;
  /** Where published parts lie for a process after a crash: one folder per broadcast. */
  readonly spoolFolder: string;
  readonly dvrWindowS: number;
  readonly log: Logger;
  /** The end was decided, handled and logged; its report may still be under way. */
  readonly onEnded: (stream: LiveStream) => void;
};

type State =
  | { readonly kind: "starting"; readonly deadline: ReturnType<typeof setTimeout> }
  | { readonly kind: "live"; readonly media: Media }
  | {
    readonly kind: "waiting";
    readonly media: Media;
    readonly deadline: ReturnType<typeof setTimeout>;
  }
  | { readonly kind: "ending"; readonly reason: EndReason }
  | { readonly kind: "ended"; readonly reason: EndReason };

/** What exists once media has arrived. */
type Media = {
  /** Null: a process before began the broadcast, and its publisher has not returned yet. */
  readonly pipeline: Pipeline | null;
  readonly packager: Packager;
  readonly packagerStart: PackagerStart;
};

/** A broadcast that a process before began. */
type Restored = { readonly saved: SavedBroadcast; readonly media: Media };

/** A broadcast of this length has its poster. */
const POSTER_TAKEN_MS = 4000;
const FIRST_MEDIA_DEADLINE_MS = 30_000;
const NOTHING_RECORDED: RecordingSummary = { durationMs: 0, segments: 0, recordedBytes: 0 };

export class LiveStream {
  readonly broadcastId: string;
  readonly channelId: string;
  readonly #deps: LiveStreamDeps;
  readonly #authorisation: AuthoriseResponse;
  readonly #log: Logger;
  readonly #timeline: Timeline;
  readonly #health = new StreamHealth();
  readonly #reports: BroadcastReports;
  readonly #poster: PosterTaker | null;
  readonly #pictures: PictureStore;
  readonly #flv: FlvFeed;
  readonly #finished = Promise.withResolvers<void>();
  #state: State;
  #connection: PublisherConnection | null = null;
  #zeroAtMs: number | null = null;
  #ending: Promise<void> | null = null;

  /**
   * The broadcast of a process that was killed: its playlists are answered again, and it waits
   * `windowMs` for its publisher.
   * @throws StorageError when its recording cannot be read
   */
  static async resume(
    saved: SavedBroadcast,
    windowMs: number,
    deps: LiveStreamDeps,
  ): Promise<LiveStream> {
    const packagerStart = { ...saved.packager, dvrWindowS: deps.dvrWindowS };
    const packager = await resumePackager(packagerStart, packagerDeps(saved.authorisation, deps));
    const isYoung = packager.endMs < POSTER_TAKEN_MS;
    const wantsThumbnail = saved.authorisation.wantsThumbnail && isYoung;
    const authorisation = { ...saved.authorisation, wantsThumbnail };
    const media = { pipeline: null, packager, packagerStart };
    const stream = new LiveStream(authorisation, deps, { saved, media });
    stream.#awaitReturn(windowMs);
    return stream;
  }

  constructor(authorisation: AuthoriseResponse, deps: LiveStreamDeps, restored?: Restored) {
    const { broadcastId, channelId, videoUrl } = authorisation;
    this.broadcastId = broadcastId;
    this.channelId = channelId;
    this.#authorisation = authorisation;
    this.#deps = deps;
    this.#log = deps.log.with({ broadcastId, videoUrl });
    const { nodeId, control, journal } = deps;
    this.#reports = new BroadcastReports({
      nodeId,
      authorisation,
      control,
      journal,
      log: this.#log,
      onStale: () => void this.end("node_lost", "another media node took the broadcast over"),
    });
    this.#poster = authorisation.wantsThumbnail ? this.#createPosterTaker() : null;
    const { storage } = deps;
    this.#pictures = new PictureStore({ storage, ...authorisation, log: this.#log });
    const deadline = setTimeout(() => void this.end("never_started"), FIRST_MEDIA_DEADLINE_MS);
    this.#timeline = new Timeline(restored?.media.packager.endMs);
    if (restored === undefined) this.#state = { kind: "starting", deadline };
    else {
      this.#state = { kind: "waiting", media: restored.media, deadline };
      this.#reports.resumed(restored.saved);
    }
    deps.live.announce(videoUrl);
    this.#flv = deps.live.flv.open(videoUrl);
  }

  #awaitReturn(windowMs: number): void {
    const state = this.#state;
    if (state.kind !== "waiting") return;
    clearTimeout(state.deadline);
    const detail = "the media node stopped unexpectedly";
    this.#log.info("broadcast.restored", { windowMs, durationMs: this.#durationMs });
    const deadline = setTimeout(() => void this.end("node_lost", detail), windowMs);
    this.#state = { ...state, deadline };
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  get isOver(): boolean {
    return this.#state.kind === "ending" || this.#state.kind === "ended";
  }

  /** Whether a publisher is there that has not fallen silent. */
  get hasHealthyPublisher(): boolean {
    return !this.isOver && this.#connection?.isHealthy === true;
  }

  /** Resolves when the stream is over, its recording complete and its reports delivered. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** A publisher for this broadcast, the first one or one that returns; the one before is cut. */
  attach(epoch: number): PublisherSink {
    this.#reports.renew(epoch);
    const previous = this.#connection;
    const connection = new PublisherConnection(this.#createIntake());
    this.#connection = connection;
    previous?.close();
    this.#expectMedia();
    this.#timeline.resume();
    this.#health.restart();
    return {
      onStart: (publisher) => {
        connection.open(publisher);
        // Another one took its place, or the broadcast ended, while it was being answered.
        if (this.#connection !== connection) publisher.kick();
      },
      onTag: (tag) => {
        if (this.#connection !== connection) return;
        this.#zeroAtMs ??= Date.now();
        connection.noteTag(this.#durationMs);
        connection.intake.push(tag);
      },
      onEnd: (end) => {
        if (this.#connection === connection) this.#onPublisherGone(connection, end);
      },
    };
  }

  /** Null while there is nothing to report. */
  progress(): ProgressRequest["broadcasts"][number] | null {
    const state = this.#state;
    if (state.kind !== "live" && state.kind !== "waiting") return null;
    const nowMs = performance.now();
    const { pipeline, packager } = state.media;
    const isLive = state.kind === "live";
    const encodeSpeed = isLive ? pipeline?.encodeSpeed ?? null : null;
    const figures = isLive ? this.#health.figures(nowMs) : { ingestBitrateBps: 0, fps: 0 };
    return {
      broadcastId: this.broadcastId,
      epoch: this.#reports.epoch,
      state: state.kind,
      durationMs: this.#durationMs,
      ...figures,
      encodeSpeed,
      viewers: this.#deps.live.viewers(this.#authorisation.videoUrl),
      recordedBytes: packager.recordedBytes,
      issues: [
        ...(isLive ? this.#health.issues(nowMs, encodeSpeed) : []),
        ...(this.#connection?.issues ?? []),
        ...(pipeline?.issues ?? []),
        ...packager.issues,
      ].slice(0, 20),
    };
  }

  /** Ends the broadcast; only the first reason counts. Resolves when the recording is complete. */
  end(reason: EndReason, detail: string | null = null): Promise<void> {
    this.#ending ??= this.#end(reason, detail);
    return this.#ending;
  }

  async #end(reason: EndReason, detail: string | null): Promise<void> {
    const state = this.#state;
    if (state.kind === "ending" || state.kind === "ended") return;
    if (state.kind !== "live") clearTimeout(state.deadline);
    const media = state.kind === "starting" ? null : state.media;
    const real = media === null ? asEndBeforeMedia(reason) : reason;
    this.#state = { kind: "ending", reason: real };
    this.#connection?.close();
    this.#connection = null;
    this.#deps.live.flv.close(this.#authorisation.videoUrl, this.#flv);
    const summary = await this.#finishMedia(media);
    this.#state = { kind: "ended", reason: real };
    const { durationMs, recordedBytes } = summary;
    this.#log.info("broadcast.ended", { reason: real, detail, durationMs, recordedBytes });
    this.#reports.ended({ ...summary, reason: real, detail });
    this.#deps.onEnded(this);
    void this.#reports.drained.then(() => this.#finished.resolve());
  }

  /** Gives up reports that could not be delivered; the journal keeps the end for the next start. */
  abandonReports(): void {
    this.#reports.abandon();
  }

  get #durationMs(): number {
    return Math.max(0, Math.round(this.#timeline.headMs));
  }

  #createIntake(): Intake {
    const intake: Intake = new Intake(this.#timeline, {
      onSource: (source) => this.#onSource(source),
      onTag: (tag) => this.#onTag(tag),
      onUnsupported: (sentence) => void this.end("unsupported_source", sentence),
    });
    return intake;
  }

  #createPosterTaker(): PosterTaker {
    const { ffmpegPath, storage } = this.#deps;
    const storageKey = `${ORIGINALS}poster-${this.broadcastId}.jpg`;
    const onStored = () => this.#reports.poster(storageKey);
    return new PosterTaker({ ffmpegPath, storage, storageKey, log: this.#log, onStored });
  }

  #onSource(source: Source): void {
    const state = this.#state;
    const oversize = describeOversize(source);
    if (oversize !== null) return void this.end("unsupported_source", oversize);
    if (state.kind === "starting") return this.#begin(source, state.deadline);
    if (state.kind === "ending" || state.kind === "ended") return;
    const event = state.kind === "waiting" ? "broadcast.resumed" : "broadcast.source_changed";
    if (state.kind === "waiting") clearTimeout(state.deadline);
    this.#log.info(event, { source: source.facts });
    this.#poster?.setHeader(source.videoHeader);
    this.#goOn(source, state.media);
    this.#startFlv(source);
  }

  /** Another run of an encoder; after a crash the first one of this process. */
  #goOn(source: Source, media: Media): void {
    const { packager, packagerStart } = media;
    const zeroAtMs = this.#connection?.zeroAtMs ?? null;
    if (zeroAtMs !== null) packager.useClock(zeroAtMs);
    media.pipeline?.changeTo(source);
    const pipeline = media.pipeline ??
      this.#createPipeline(
        source,
        packager,
        replanFor(this.#authorisation, this.#deps.ladder, source, packagerStart),
      );
    this.#state = { kind: "live", media: { pipeline, packager, packagerStart } };
  }

  #begin(source: Source, deadline: ReturnType<typeof setTimeout>): void {
    clearTimeout(deadline);
    const zeroAtMs = this.#zeroAtMs ?? Date.now();
    const { ladder } = this.#deps;
    const { settings } = this.#authorisation;
    const policy = settings.ladder;
    const plan = planBroadcast({ ladder, policy }, source);
    const clock = { wallClockAtZeroMs: zeroAtMs, dvrWindowS: this.#deps.dvrWindowS };
    const packagerStart = describePackager(this.#authorisation, source, plan, clock);
    const packager = createPackager(packagerStart, packagerDeps(this.#authorisation, this.#deps));
    const pipeline = this.#createPipeline(source, packager, plan);
    this.#state = { kind: "live", media: { pipeline, packager, packagerStart } };
    this.#poster?.setHeader(source.videoHeader);
    const rungs = plan.rungs.map(({ name, height, isCopy }) =>
      `${name}${height === null ? "" : ` ${height}`}${isCopy ? " copy" : ""}`
    );
    this.#log.info("broadcast.started", { source: source.facts, rungs });
    this.#reports.started(source, packagerStart, new Date(zeroAtMs));
    this.#startFlv(source);
  }

  #createPipeline(source: Source, packager: Packager, plan: LadderPlan): Pipeline {
    const { recording, ladder: policy } = this.#authorisation.settings;
    return new Pipeline(source, {
      ladder: this.#deps.ladder,
      policy,
      plan,
      packager,
      segmentTargetMs: SEGMENT_TARGET_MS,
      createEngine: () => this.#deps.createEngine(this.#log),
      onPicture: recording ? (ptsMs, jpeg) => this.#pictures.add(ptsMs, jpeg) : null,
      onBackpressure: (isFull) => this.#connection?.holdBack(isFull),
      onFailure: (error) => void this.end("transcoder_failed", messageOf(error).slice(0, 500)),
      log: this.#log,
    });
  }

  #startFlv({ facts, videoHeader, audioHeader }: Source): void {
    const wallClockAtZeroMs = this.#connection?.zeroAtMs ?? Date.now();
    this.#flv.start({ facts, videoHeader, audioHeader, wallClockAtZeroMs });
  }

  /** A publisher that returned has to send something before long. */
  #expectMedia(): void {
    const state = this.#state;
    if (state.kind !== "waiting") return;
    clearTimeout(state.deadline);
    const detail = "the publisher came back and sent nothing";
    const deadline = setTimeout(
      () => void this.end("publisher_lost", detail),
      FIRST_MEDIA_DEADLINE_MS,
    );
    this.#state = { ...state, deadline };
  }

  #onTag(tag: FlvTag): void {
    const state = this.#state;
    if (state.kind !== "live") return;
    this.#health.note(tag, performance.now());
    this.#poster?.note(tag);
    this.#flv.push(tag);
    state.media.pipeline?.push(tag);
  }

  #onPublisherGone(connection: PublisherConnection, end: PublisherEnd): void {
    this.#connection = null;
    connection.intake.stop();
    if (end.cause === "stopped") return void this.end("publisher_stopped");
    if (end.cause === "limit") return void this.end("limit_reached", end.detail);
    const detail = end.cause === "lost" ? end.detail : "the connection was cut";
    this.#waitForReturn(detail);
  }

  #waitForReturn(detail: string): void {
    const state = this.#state;
    const windowMs = this.#authorisation.settings.reconnectWindowMs;
    if (state.kind === "starting") return void this.end("never_started", detail);
    if (state.kind !== "live" && state.kind !== "waiting") return;
    // It came back, and left again before its first frame.
    if (state.kind === "waiting") clearTimeout(state.deadline);
    if (windowMs === 0) return void this.end("publisher_lost", detail);
    this.#log.info("broadcast.waiting", { detail, windowMs });
    const deadline = setTimeout(() => void this.end("publisher_lost", detail), windowMs);
    this.#state = { kind: "waiting", media: state.media, deadline };
    this.#flv.suspend();
    // Viewers get what was under way; the encoder's place is free for others.
    state.media.pipeline?.suspend().catch((error: unknown) =>
      this.#log.error("engine.stop_failed", { error })
    );
  }

  async #finishMedia(media: Media | null): Promise<RecordingSummary> {
    if (media === null) return NOTHING_RECORDED;
    try {
      const ending = media.pipeline?.end() ?? media.packager.end();
      const [summary] = await Promise.all([ending, this.#poster?.take()]);
      await this.#pictures.flush();
      return summary;
    } catch (error) {
      this.#log.error("broadcast.finish_failed", { error });
      return { ...NOTHING_RECORDED, durationMs: this.#durationMs };
    }
  }
}
