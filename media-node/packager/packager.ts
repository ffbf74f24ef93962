/**
 * The packager of one broadcast: every rung's samples and the common audio in, live renditions and
 * a recording out.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { Finding } from "#shared/contracts/issues.ts";
import type { Logger } from "#shared/log.ts";
import { sleep } from "#shared/retry.ts";
import type {
  AudioConfig,
  AudioFrame,
  PictureAbsence,
  RungPlan,
  VideoConfig,
  VideoSample,
} from "../formats/media.ts";
import type { Recording, RecordingStart } from "../recorder/port.ts";
import { AudioClock } from "./audio-clock.ts";
import { AudioSegmenter } from "./audio-segmenter.ts";
import type { LiveRegistry, PlayableBroadcast } from "../live/live-registry.ts";
import { renderMultivariant, type Variant } from "../hls/playlist.ts";
import type { Packager, PackagerDeps, PackagerStart, RecordingSummary } from "./port.ts";
import { readSpool } from "./read-spool.ts";
import { LiveRendition } from "./rendition.ts";
import { isSameAudio, RenditionMuxer } from "./rendition-muxer.ts";
import { restoreRendition } from "./restore-rendition.ts";
import type { RestoredRendition } from "./restored-rendition.ts";
import { targetDurationSOf } from "./segmenter.ts";
import { RenditionSpool } from "./spool.ts";
import { VideoSegmenter } from "./video-segmenter.ts";

/** Segments a live playlist lists. */
const WINDOW_SEGMENTS = 8;
/**
 * What a broadcast needs before it is shown: segments, or parts, of each rendition. A part is enough for
 * the first picture; players that know nothing of parts are kept waiting for a segment.
 */
const PLAYABLE = { segments: 2, parts: 1 };
/**
 * A rendition that has not begun when another is this far is not waited for: a segment further than
 * what makes that one playable.
 */
const RENDITION_PATIENCE_S = 5;
/** A segment or two that storage has not taken yet are no loss. */
const DVR_SLACK_S = 10;
/**
 * How long the last window stays in memory after the end: for parts, which are not recorded, and
 * much longer when nothing else is left of the broadcast.
 */
const LINGER_MS = { recorded: 15_000, unrecorded: 60_000 };
/**
 * With parts, ENDLIST follows the last ones by this much: hls.js 1.7.4 never loads the parts of a
 * half-loaded segment that it sees together with ENDLIST for the first time, and so never ends.
 */
const LAST_PARTS_MS = 500;
/** What audio is taken to be until it says so: what most encoders send. */
const AWAITED_AUDIO: AudioConfig = {
  kind: "audio",
  asc: Uint8Array.of(0x11, 0x90), // AAC-LC, 48 kHz, stereo
  sampleRateHz: 48_000,
  channels: 2,
  samplesPerFrame: 1024,
};
/** What audio adds to a rung's video bitrate before anything was measured. */
const NOMINAL_AUDIO_BPS = 192_000;

/** A packager that playback finds in `deps.live` from now on. */
export function createPackager(start: PackagerStart, deps: PackagerDeps): Packager {
  return new BroadcastPackager(start, deps, deps.recorder?.begin(recordingOf(start)) ?? null);
}

/**
 * The packager of a broadcast that a killed process left: the same playlists, as far as storage and
 * the spool have them, and everything that follows goes on where they end.
 * @throws StorageError when the recording cannot be read
 */
export async function resumePackager(start: PackagerStart, deps: PackagerDeps): Promise<Packager> {
  const resumed = await deps.recorder?.resume(recordingOf(start)) ?? null;
  const saved = await Promise.all(start.rungs.map(async ({ name }) => {
    const recorded = resumed?.recorded.find((rendition) => rendition.name === name) ?? null;
    const spooled = await readSpool(join(deps.spoolFolder ?? "", name));
    const { wallClockAtZeroMs } = start;
    return [name, restoreRendition({ recorded, spooled, wallClockAtZeroMs })] as const;
  }));
  return new BroadcastPackager(start, deps, resumed?.recording ?? null, new Map(saved));
}

function recordingOf(start: PackagerStart): RecordingStart {
  const { videoUrl, epoch, wallClockAtZeroMs, segmentTargetMs } = start;
  const targetDurationS = targetDurationSOf(segmentTargetMs);
  return { videoUrl, epoch, wallClockAtZeroMs, targetDurationS };
}

class BroadcastPackager implements Packager, PlayableBroadcast {
  readonly videoUrl: string;
  readonly epoch: number;
  readonly #start: PackagerStart;
  readonly #live: LiveRegistry;
  readonly #log: Logger;
  readonly #recording: Recording | null;
  readonly #spoolFolder: string | null;
  readonly #muxers: readonly RenditionMuxer[];
  /** Renditions that were encoded at some time: their ceiling stands. */
  readonly #encoded = new Set<RenditionName>();
  #audioConfig: AudioConfig | null = null;
  #audioClock: AudioClock | null = null;
  #wasPlayable = false;
  #hasCaptions = false;
  #isEnded = false;
  #isArchived = false;
  #ending: Promise<RecordingSummary> | null = null;

  constructor(
    start: PackagerStart,
    deps: PackagerDeps,
    recording: Recording | null,
    saved: ReadonlyMap<RenditionName, RestoredRendition> = new Map(),
  ) {
    this.videoUrl = start.videoUrl;
    this.epoch = start.epoch;
    this.#start = start;
    this.#live = deps.live;
    this.#log = deps.log.with({ videoUrl: start.videoUrl, epoch: start.epoch });
    this.#recording = recording;
    this.#spoolFolder = deps.spoolFolder ?? null;
    this.#muxers = start.rungs.map((rung) => this.#createMuxer(rung));
    this.useRungs(start.rungs);
    // Perhaps late: the track is there from the start, with silence until it comes.
    if (start.hasAudio) this.setAudioConfig(AWAITED_AUDIO);
    for (const muxer of this.#muxers) {
      const before = saved.get(muxer.name);
      if (before !== undefined) muxer.restore(before);
    }
    this.#live.add(this);
  }

  setVideoConfig(rung: RenditionName, config: VideoConfig): void {
    const changed = this.#muxer(rung);
    if (changed?.setVideo(config) !== true) return;
    for (const muxer of this.#muxers) if (muxer !== changed) muxer.cutWith(changed);
  }

  setAudioConfig(config: AudioConfig): void {
    if (isSameAudio(config, this.#audioConfig)) return;
    const isSameRate = config.sampleRateHz === this.#audioConfig?.sampleRateHz;
    this.#audioClock = new AudioClock(config, isSameRate ? this.#audioClock?.nextTicks : null);
    this.#audioConfig = config;
    // One rendition may have begun before another: all of them change at the same time.
    const hasBegun = this.#muxers.some((muxer) => muxer.hasBegun);
    const newestTicks = Math.max(...this.#muxers.map(({ lastDtsTicks }) => lastDtsTicks));
    for (const muxer of this.#muxers) muxer.setAudio(config, hasBegun ? newestTicks : null);
  }

  pushVideo(rung: RenditionName, sample: VideoSample): void {
    if (this.#isEnded) return;
    this.#muxer(rung)?.pushVideo(sample);
    this.#noteProgress();
  }

  pushAudio(frame: AudioFrame): void {
    if (this.#isEnded) return;
    const timed = this.#audioClock?.place(frame) ?? null;
    if (timed === null) return;
    for (const muxer of this.#muxers) muxer.pushAudio(timed);
    this.#noteProgress();
  }

  standStill(absence: PictureAbsence): void {
    if (this.#isEnded) return;
    for (const muxer of this.#muxers) muxer.standStill(absence);
    this.#noteProgress();
  }

  markDiscontinuity(): void {
    for (const muxer of this.#muxers) muxer.breakTimeline();
  }

  useClock(wallClockAtZeroMs: number): void {
    for (const muxer of this.#muxers) muxer.useClock(wallClockAtZeroMs);
  }

  useRungs(rungs: readonly RungPlan[]): void {
    for (const { name, isCopy } of rungs) if (!isCopy) this.#encoded.add(name);
  }

  noteCaptions(): void {
    this.#hasCaptions = true;
    for (const muxer of this.#muxers) muxer.hasCaptions = true;
  }

  get endMs(): number {
    return Math.round(1000 * Math.max(0, ...this.#muxers.map(({ rendition }) => rendition.endS)));
  }

  end(): Promise<RecordingSummary> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isArchived(): boolean {
    return this.#isArchived;
  }

  get isPlayable(): boolean {
    const ready = this.#muxers.filter(({ rendition }) => this.#isReady(rendition));
    const leaderS = Math.max(...this.#muxers.map(({ rendition }) => rendition.endS));
    return ready.length > 0 &&
      (ready.length === this.#muxers.length || leaderS >= RENDITION_PATIENCE_S);
  }

  get recordedBytes(): number {
    return this.#recording?.storedBytes ?? 0;
  }

  get issues(): readonly Finding[] {
    const reaches = this.#muxers.map(({ rendition }) => rendition.reach);
    const short = reaches.find(({ listedS, wantedS }) => wantedS - listedS > DVR_SLACK_S);
    const recorded = this.#recording?.issues ?? [];
    if (short === undefined) return recorded;
    const { listedS, wantedS } = short;
    return [...recorded, {
      code: "DVR_SHORT",
      measured: Math.round(listedS),
      wanted: Math.round(wantedS),
    }];
  }

  rendition(name: RenditionName): LiveRendition | undefined {
    return this.#muxer(name)?.rendition;
  }

  releaseWaiters(): void {
    for (const { rendition } of this.#muxers) rendition.releaseWaiters();
  }

  renderMultivariant(): string {
    const shown = this.#start.rungs.flatMap((rung) => {
      const rendition = this.rendition(rung.name);
      return rendition === undefined || !this.#isReady(rendition) ? [] : [{ rung, rendition }];
    });
    const variants = shown.map(({ rung, rendition }) => this.#variantOf(rung, rendition));
    return renderMultivariant(variants, {
      isIndependent: shown.every(({ rendition }) => rendition.isIndependent),
      captions: this.#hasCaptions ? "some" : "unknown",
    });
  }

  #createMuxer(rung: RungPlan): RenditionMuxer {
    const { segmentTargetMs, partTargetMs, hasVideo, wallClockAtZeroMs } = this.#start;
    const { hasAudio, isAudioAwaited = false } = this.#start;
    const recording = this.#recording;
    const options = { segmentTargetMs, partTargetMs, hasAudio: hasAudio && !isAudioAwaited };
    const rendition = new LiveRendition({
      name: rung.name,
      targetDurationS: targetDurationSOf(segmentTargetMs),
      partTargetS: partTargetMs === null ? null : partTargetMs / 1000,
      wallClockAtZeroMs,
      windowSegments: WINDOW_SEGMENTS,
      dvrWindowS: recording === null ? 0 : this.#start.dvrWindowS ?? 0,
      isStored: (msn) => recording?.isStored(rung.name, msn) ?? false,
      reports: () => this.#reportsOfOthers(rung.name),
    });
    const createSegmenter = (withVideo: boolean) =>
      withVideo ? new VideoSegmenter(options) : new AudioSegmenter(options);
    const spool = this.#spoolFolder === null
      ? null
      : new RenditionSpool(join(this.#spoolFolder, rung.name), this.#log);
    return new RenditionMuxer({ rendition, createSegmenter, hasVideo, recording, spool });
  }

  #reportsOfOthers(name: RenditionName) {
    if (this.#start.partTargetMs === null) return [];
    return this.#muxers.flatMap((muxer) => {
      const report = muxer.name === name ? null : muxer.rendition.report();
      return report === null ? [] : [report];
    });
  }

  #muxer(name: RenditionName): RenditionMuxer | undefined {
    return this.#muxers.find((muxer) => muxer.name === name);
  }

  #isReady(rendition: LiveRendition): boolean {
    if (this.#isEnded) return rendition.completeSegments > 0;
    if (rendition.completeSegments >= PLAYABLE.segments) return true;
    return this.#start.partTargetMs !== null && rendition.parts >= PLAYABLE.parts;
  }

  #noteProgress(): void {
    if (this.#wasPlayable || !this.isPlayable) return;
    this.#wasPlayable = true;
    this.#log.debug("broadcast.playable", { endS: this.#muxers[0]?.rendition.endS });
    this.#live.notify(this);
  }

  async #dropSpool(): Promise<void> {
    for (const muxer of this.#muxers) muxer.release();
    if (this.#spoolFolder !== null) await rm(this.#spoolFolder, { recursive: true, force: true });
  }

  #variantOf(rung: RungPlan, rendition: LiveRendition): Variant {
    const nominalBps = rung.videoBitrateBps + (this.#start.hasAudio ? NOMINAL_AUDIO_BPS : 0);
    const measuredBps = Math.max(rendition.meter.peakBps, rendition.measuredBps);
    // What a copy costs is for the broadcaster to decide: its ceiling stands until a segment is complete.
    const isNominalKnown = this.#encoded.has(rung.name) || rendition.completeSegments === 0;
    return {
      uri: `${this.videoUrl}/${this.epoch}/${rung.name}/index.m3u8`,
      bandwidthBps: Math.max(measuredBps * 1.1, isNominalKnown ? nominalBps : 0),
      averageBandwidthBps: rendition.meter.averageBps || measuredBps || nominalBps,
      codecs: rendition.init?.codecs ?? [],
      width: rendition.init?.width ?? null,
      height: rendition.init?.height ?? null,
      fps: rendition.meter.fps,
    };
  }

  async #end(): Promise<RecordingSummary> {
    this.#isEnded = true;
    for (const muxer of this.#muxers) muxer.finish();
    const renditions = this.#muxers.map(({ rendition }) => rendition);
    const recording = this.#recording?.finish() ?? null;
    if (this.#start.partTargetMs !== null) await sleep(LAST_PARTS_MS);
    for (const rendition of renditions) rendition.end();
    this.#live.notify(this);
    const recorded = await recording;
    this.#isArchived = recorded?.isPlayable ?? false;
    await this.#dropSpool();
    this.#live.release(this, this.#isArchived ? LINGER_MS.recorded : LINGER_MS.unrecorded);
    return {
      durationMs: Math.round(Math.max(0, ...renditions.map(({ endS }) => endS)) * 1000),
      segments: Math.max(0, ...renditions.map(({ completeSegments }) => completeSegments)),
      recordedBytes: recorded?.recordedBytes ?? 0,
    };
  }
}
