/**
 * One broadcast on its node: from the accepted publisher, through reconnects, to the end that is
 * reported with exactly one reason.
 */
import type { EndReason } from "#shared/contracts/broadcast.ts";
import type { ProgressRequest } from "#shared/contracts/control.ts";
import { toReportedIssue } from "#shared/contracts/issues.ts";
import type { ControlPlane } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import type { MediaFrame } from "../formats/media.ts";
import { Intake } from "../ingest/intake.ts";
import type { PublisherEnd, PublisherSink } from "../ingest/port.ts";
import type { Source } from "../ingest/source.ts";
import { Timeline } from "../ingest/timeline.ts";
import type { FrameModeFlag } from "../ladder/ffmpeg/frame-mode.ts";
import type { FlvFeed } from "../live/flv-feed.ts";
import type { RecordingSummary } from "../packager/port.ts";
import type { Authorisation } from "./authorisation.ts";
import { BroadcastMedia, type MediaOptions, type MediaSite } from "./broadcast-media.ts";
import { BroadcastPictures } from "./broadcast-pictures.ts";
import { asEndBeforeMedia, BroadcastReports } from "./broadcast-reports.ts";
import { Deadline } from "./deadline.ts";
import { levelOf, sentenceOf } from "./end-sentence.ts";
import { BroadcastHealth } from "./health.ts";
import { IssueLog } from "./issue-log.ts";
import type { BroadcastJournal } from "./journal.ts";
import { authorisationOf, type RunningEntry } from "./journal-entry.ts";
import { describeOversize } from "./packager-start.ts";
import { PublisherConnection } from "./publisher-connection.ts";
import type { Turns } from "./turns.ts";

export type BroadcastDeps = MediaSite & {
  readonly nodeId: string;
  readonly ffmpegPath: string;
  readonly frameModeFlag?: FrameModeFlag;
  readonly control: ControlPlane;
  readonly storage: Storage;
  readonly journal: BroadcastJournal;
  /** One poster is rendered at a time on a node. */
  readonly posterTurns: Turns;
  /** The end was decided, handled and logged; its report may still be under way. */
  readonly onEnded: (broadcast: Broadcast) => void;
};

type State =
  | { readonly kind: "starting" }
  | { readonly kind: "live"; readonly media: BroadcastMedia }
  | { readonly kind: "waiting"; readonly media: BroadcastMedia }
  | { readonly kind: "ending"; readonly reason: EndReason }
  | { readonly kind: "ended"; readonly reason: EndReason };

const FIRST_MEDIA_DEADLINE_MS = 30_000;
const NOTHING_RECORDED: RecordingSummary = { durationMs: 0, segments: 0, recordedBytes: 0 };

export class Broadcast {
  readonly broadcastId: string;
  readonly channelId: string;
  readonly #deps: BroadcastDeps;
  readonly #authorisation: Authorisation;
  readonly #log: Logger;
  readonly #health = new BroadcastHealth();
  readonly #issues: IssueLog;
  readonly #reports: BroadcastReports;
  readonly #pictures: BroadcastPictures;
  readonly #flv: FlvFeed;
  readonly #finished = Promise.withResolvers<void>();
  /** What it waits for: the first media, or the publisher's return. */
  readonly #deadline = new Deadline();
  #timeline = new Timeline();
  #state: State = { kind: "starting" };
  #connection: PublisherConnection | null = null;
  #ending: Promise<void> | null = null;

  /**
   * The broadcast of a process that was killed: its playlists are answered again, and it waits
   * `windowMs` for its publisher.
   * @throws StorageError when its recording cannot be read
   */
  static async resume(
    entry: RunningEntry,
    windowMs: number,
    deps: BroadcastDeps,
  ): Promise<Broadcast> {
    const broadcast = new Broadcast(authorisationOf(entry), deps);
    await broadcast.#restore(entry, windowMs);
    return broadcast;
  }

  constructor(authorisation: Authorisation, deps: BroadcastDeps) {
    const { broadcastId, channelId, videoUrl } = authorisation;
    this.broadcastId = broadcastId;
    this.channelId = channelId;
    this.#authorisation = authorisation;
    this.#log = deps.log.with({ broadcastId, videoUrl });
    this.#deps = { ...deps, log: this.#log };
    const { nodeId, control, journal } = deps;
    const log = this.#log;
    const onLost = (reason: EndReason, detail: string) => void this.end(reason, detail);
    this.#reports = new BroadcastReports({ nodeId, authorisation, control, journal, log, onLost });
    this.#issues = new IssueLog(log);
    const onPoster = (storageKey: string) => this.#reports.poster(storageKey);
    this.#pictures = new BroadcastPictures({ ...this.#deps, authorisation, onPoster });
    this.#deadline.set(FIRST_MEDIA_DEADLINE_MS, () => void this.end("never_started"));
    deps.live.announce(videoUrl);
    this.#flv = deps.live.flv.open(videoUrl);
  }

  async #restore(entry: RunningEntry, windowMs: number): Promise<void> {
    try {
      const media = await BroadcastMedia.resume(this.#mediaOptions, entry);
      this.#timeline = new Timeline(media.packager.endMs);
      this.#state = { kind: "waiting", media };
    } catch (error) {
      this.#deadline.clear();
      throw error;
    }
    this.#reports.resumed(entry);
    this.#log.info("broadcast.restored", { windowMs, durationMs: this.#durationMs });
    const detail = "the media node stopped unexpectedly";
    this.#deadline.set(windowMs, () => void this.end("node_lost", detail));
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

  /** Resolves when it is over, its recording complete and its reports delivered. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** A publisher for this broadcast, the first one or one that returns; the one before is cut. */
  attach(epoch: number): PublisherSink {
    this.#reports.renew(epoch);
    const previous = this.#connection;
    const connection: PublisherConnection = new PublisherConnection(
      this.#createIntake(() => connection),
    );
    this.#connection = connection;
    previous?.close();
    if (this.#state.kind === "waiting") this.#expectMedia();
    this.#timeline.resume();
    return {
      onStart: (publisher) => {
        connection.open(publisher);
        // Another one took its place, or the broadcast ended, while it was being answered.
        if (this.#connection !== connection) publisher.kick();
      },
      onTag: (tag) => {
        if (this.#connection !== connection) return;
        connection.intake.push(tag);
        connection.noteTag(this.#durationMs);
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
    const { media } = state;
    const isLive = state.kind === "live";
    const encoder = isLive ? media.encoder : null;
    const figures = isLive ? this.#health.figures(nowMs) : { ingestBitrateBps: 0, fps: 0 };
    const findings = [
      ...(this.#connection?.issues ?? []),
      ...media.issues,
      ...(isLive ? this.#health.findings(nowMs, encoder) : []),
      ...media.packager.issues,
    ];
    return {
      broadcastId: this.broadcastId,
      epoch: this.#reports.epoch,
      state: state.kind,
      durationMs: this.#durationMs,
      ...figures,
      encodeSpeed: encoder?.speed ?? null,
      viewers: this.#deps.live.viewers(this.#authorisation.videoUrl),
      recordedBytes: media.packager.recordedBytes,
      renditions: media.renditions,
      issues: this.#issues.note(findings, nowMs, new Date()).map(toReportedIssue),
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
    this.#deadline.clear();
    const media = state.kind === "starting" ? null : state.media;
    const real = media === null ? asEndBeforeMedia(reason) : reason;
    this.#state = { kind: "ending", reason: real };
    this.#connection?.close(sentenceOf(real, detail));
    this.#connection = null;
    this.#deps.live.flv.close(this.#authorisation.videoUrl, this.#flv);
    const summary = await this.#finishMedia(media);
    this.#state = { kind: "ended", reason: real };
    const end = { ...summary, reason: real, detail };
    this.#log[levelOf(real)]("broadcast.ended", end);
    this.#reports.ended(end);
    this.#deps.onEnded(this);
    void this.#reports.drained.then(() => this.#finished.resolve());
  }

  /** Gives up reports that could not be delivered; the journal keeps the end for the next start. */
  abandonReports(): void {
    this.#pictures.abandon();
    this.#reports.abandon();
  }

  get #durationMs(): number {
    return Math.max(0, Math.round(this.#timeline.headMs));
  }

  #createIntake(connection: () => PublisherConnection): Intake {
    const isReturn = this.#state.kind !== "starting";
    return new Intake(this.#timeline, {
      onSource: (source) => this.#onSource(source, connection()),
      onFrame: (frame) => this.#onFrame(frame),
      onMistrust: (reason) => this.#liveMedia?.distrust(reason),
      onCaptions: () => this.#liveMedia?.packager.noteCaptions(),
      onUnsupported: (sentence) => void this.end("unsupported_source", sentence),
    }, isReturn);
  }

  get #liveMedia(): BroadcastMedia | null {
    return this.#state.kind === "live" ? this.#state.media : null;
  }

  get #mediaOptions(): MediaOptions {
    return {
      authorisation: this.#authorisation,
      site: this.#deps,
      hooks: {
        pictures: this.#authorisation.settings.recording ? this.#pictures : null,
        onBackpressure: (isFull) => {
          this.#health.noteHeldBack(performance.now());
          this.#connection?.holdBack(isFull);
        },
        onFailure: (error) => void this.end("transcoder_failed", messageOf(error).slice(0, 500)),
        onUnsupported: (sentence) => void this.end("unsupported_source", sentence),
      },
    };
  }

  /** The first source of a connection is another run of an encoder; the ones after it are changes. */
  #onSource(source: Source, connection: PublisherConnection): void {
    const state = this.#state;
    const oversize = describeOversize(source);
    if (oversize !== null) return void this.end("unsupported_source", oversize);
    if (state.kind === "ending" || state.kind === "ended") return;
    const isNewRun = !connection.hasSource;
    const zeroAtMs = connection.start(this.#durationMs);
    this.#deadline.clear();
    this.#pictures.setTrack(source.video, this.#durationMs, zeroAtMs);
    const media = state.kind === "starting" ? this.#begin(source, zeroAtMs) : state.media;
    this.#reports.noteTracks(source);
    this.#state = { kind: "live", media };
    this.#health.restart(media.measureOf(source));
    this.#flv.start({ ...source, wallClockAtZeroMs: zeroAtMs });
    if (state.kind === "starting") return;
    if (isNewRun) media.restartWith(source, zeroAtMs);
    else media.changeTo(source);
  }

  #begin(source: Source, zeroAtMs: number): BroadcastMedia {
    const media = BroadcastMedia.begin(this.#mediaOptions, source, zeroAtMs);
    const rungs = media.start.rungs.map(({ name, height, isCopy }) =>
      `${name}${height === null ? "" : ` ${height}`}${isCopy ? " copy" : ""}`
    );
    this.#log.info("broadcast.started", { source: source.facts, rungs });
    this.#reports.started(source, media.start, new Date(zeroAtMs));
    return media;
  }

  /** A publisher that returned has to send something before long. */
  #expectMedia(): void {
    const detail = "the publisher came back and sent nothing";
    this.#deadline.set(FIRST_MEDIA_DEADLINE_MS, () => void this.end("publisher_lost", detail));
  }

  #onFrame(frame: MediaFrame): void {
    const media = this.#liveMedia;
    if (media === null) return;
    this.#health.push(frame, performance.now());
    this.#pictures.note(frame);
    this.#flv.push(frame);
    media.push(frame);
  }

  #onPublisherGone(connection: PublisherConnection, end: PublisherEnd): void {
    connection.intake.finish();
    this.#connection = null;
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
    if (windowMs === 0) return void this.end("publisher_lost", detail);
    this.#log.info("broadcast.waiting", { detail, windowMs });
    this.#deadline.set(windowMs, () => void this.end("publisher_lost", detail));
    this.#state = { kind: "waiting", media: state.media };
    this.#flv.suspend();
    this.#pictures.suspend();
    state.media.suspend().catch((error: unknown) =>
      this.#log.error("engine.stop_failed", { error })
    );
  }

  async #finishMedia(media: BroadcastMedia | null): Promise<RecordingSummary> {
    if (media === null) return NOTHING_RECORDED;
    try {
      const [summary] = await Promise.all([media.end(), this.#pictures.finish()]);
      return summary;
    } catch (error) {
      this.#log.error("broadcast.finish_failed", { error });
      return { ...NOTHING_RECORDED, durationMs: this.#durationMs };
    }
  }
}
