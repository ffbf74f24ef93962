/**
 * One live media playlist: its window of segments in memory, and those who wait for the next one.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { mergeFragments } from "../formats/mp4/merge-fragments.ts";
import { BandwidthMeter } from "../hls/bandwidth-meter.ts";
import { FIRST_MSN, type ReloadAnswer, type ReloadTarget } from "../hls/msn.ts";
import type { LivePlaylist, RenditionReport } from "../hls/playlist.ts";
import type { CompleteSegment } from "../recorder/port.ts";
import type { PlayableRendition, RenditionFile } from "../live/playable-rendition.ts";
import { type KeptSegment, LiveWindow, type WindowStart } from "./live-window.ts";
import { readPart, readWhole } from "./read-bytes.ts";
import { ReloadWaiters } from "./reload-waiters.ts";
import { RenderedPlaylist } from "./rendered-playlist.ts";
import { type RenditionInit, RenditionInits } from "./rendition-inits.ts";
import type { RestoredRendition } from "./restored-rendition.ts";

export type RenditionOptions = {
  readonly name: RenditionName;
  readonly targetDurationS: number;
  /** Null: no parts. */
  readonly partTargetS: number | null;
  readonly wallClockAtZeroMs: number;
  /** Segments the playlist lists in any case. */
  readonly windowSegments: number;
  /** How much the playlist lists of what is in storage; 0: nothing. */
  readonly dvrWindowS: number;
  /** Whether storage has a segment. */
  readonly isStored: (msn: number) => boolean;
  /** How far the broadcast's other renditions are. */
  readonly reports: () => readonly RenditionReport[];
};

export type RenditionPart = {
  /** On the broadcast's timeline. */
  readonly startS: number;
  readonly durationS: number;
  readonly isIndependent: boolean;
  readonly frames: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

/** RFC 8216bis 4.4.4.9: parts further than three target durations from the end need not be listed. */
const SEGMENTS_WITH_PARTS = 2;

export class LiveRendition implements PlayableRendition {
  readonly name: RenditionName;
  readonly meter: BandwidthMeter;
  readonly #options: RenditionOptions;
  readonly #inits = new RenditionInits();
  readonly #waiters: ReloadWaiters;
  readonly #rendered = new RenderedPlaylist(() => this.#snapshot());
  readonly #window: LiveWindow;
  #wallClockAtZeroMs: number;
  #open: KeptSegment | null = null;
  #openBytes: Uint8Array<ArrayBuffer>[] = [];
  #nextMsn = FIRST_MSN;
  #nextPart = 0;
  #isIndependent = true;
  #isEnded = false;
  #endS = 0;
  #partBytes = 0;

  constructor(options: RenditionOptions) {
    this.name = options.name;
    this.#options = options;
    this.#wallClockAtZeroMs = options.wallClockAtZeroMs;
    const segmentsWithParts = options.partTargetS === null ? 0 : SEGMENTS_WITH_PARTS;
    this.#window = new LiveWindow({ ...options, segmentsWithParts });
    // RFC 8216bis 6.2.5.2: 503 when the wait is far longer than it should be; ours is three targets.
    this.#waiters = new ReloadWaiters(3000 * options.targetDurationS);
    this.meter = new BandwidthMeter(options.targetDurationS);
  }

  /** Goes on where another process stopped. Before anything else. */
  restore(saved: RestoredRendition): void {
    this.#inits.restore(saved.inits);
    this.#nextMsn = saved.nextMsn;
    this.#nextPart = saved.nextPart;
    for (const { startS, durationS, frames, bytes, isIndependent } of saved.past) {
      this.#noteSegment({ startS, durationS, frames, bytes, isIndependent });
    }
    for (const { startS, durationS, frames, whole, isIndependent } of saved.kept) {
      this.#noteSegment({ startS, durationS, frames, bytes: whole.length, isIndependent });
    }
    this.#window.restore(saved.windowStart, saved.past, saved.kept);
    this.#changed();
  }

  /** Wall clock of the timeline's zero for the segments to come: their publisher came back. */
  useClock(wallClockAtZeroMs: number): void {
    this.#wallClockAtZeroMs = wallClockAtZeroMs;
  }

  /** How far back the playlist goes, and should; seconds. */
  get reach(): { readonly listedS: number; readonly wantedS: number } {
    return this.#window.reach;
  }

  /** What has left the playlist. */
  get windowStart(): WindowStart {
    return this.#window.start;
  }

  /** The init segment of the segments to come; returns the N of its `init-N.mp4`. */
  useInit(init: RenditionInit): number {
    return this.#inits.use(init);
  }

  /** The init segment in force; null before the first. */
  get init(): RenditionInit | null {
    return this.#inits.current;
  }

  openSegment(
    startS: number,
    facts: { isDiscontinuous: boolean; isIndependent: boolean },
  ): KeptSegment {
    const segment: KeptSegment = {
      ...facts,
      msn: this.#nextMsn,
      initNumber: this.#inits.number,
      initUri: `init-${this.#inits.number}.mp4`,
      startS,
      wallClockMs: Math.round(this.#wallClockAtZeroMs + startS * 1000),
      parts: [],
      whole: null,
      frames: 0,
      durationS: null,
    };
    this.#open = segment;
    this.#openBytes = [];
    this.#isIndependent &&= facts.isIndependent;
    return segment;
  }

  /** The number in the part's name; null when no segment is open. */
  addPart(part: RenditionPart): number | null {
    if (this.#open === null) return null;
    const number = this.#nextPart;
    this.#nextPart += 1;
    const { durationS, isIndependent, bytes } = part;
    this.#open.parts.push({ number, uri: `part-${number}.m4s`, durationS, isIndependent, bytes });
    this.#openBytes.push(bytes);
    this.#open.frames += part.frames;
    this.#endS = part.startS + durationS;
    this.#partBytes += bytes.length;
    if (this.#options.partTargetS !== null) this.#changed();
    return number;
  }

  /** Completes the open segment, which ends at `endS`; null when there is none. */
  closeSegment(endS: number): CompleteSegment | null {
    const segment = this.#open;
    this.#open = null;
    if (segment === null || segment.parts.length === 0) return null;
    const durationS = endS - segment.startS;
    segment.durationS = durationS;
    this.#endS = endS;
    this.#nextMsn += 1;
    const bytes = mergeFragments(this.#openBytes, segment.msn);
    segment.whole = bytes;
    this.#openBytes = [];
    const { msn, initNumber, startS, isDiscontinuous, isIndependent, wallClockMs, frames } =
      segment;
    this.meter.note({ bytes: bytes.length, durationS, frames });
    this.#window.add(segment);
    this.#inits.dropBefore(this.#window.oldestInit);
    this.#changed();
    const facts = { msn, initNumber, startS, durationS, isDiscontinuous, isIndependent };
    return { ...facts, wallClockMs, frames, bytes };
  }

  /** No more will come: ENDLIST, and everybody who waits is answered. */
  end(): void {
    this.#isEnded = true;
    this.#changed();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether every segment so far starts at a keyframe. */
  get isIndependent(): boolean {
    return this.#isIndependent;
  }

  /** Where what can be played ends on the broadcast's timeline. */
  get endS(): number {
    return this.#endS;
  }

  get completeSegments(): number {
    return this.#nextMsn - FIRST_MSN;
  }

  get parts(): number {
    return this.#nextPart;
  }

  /** Bitrate of everything so far, parts of the open segment included; 0 before the first part. */
  get measuredBps(): number {
    return this.#endS === 0 ? 0 : this.#partBytes * 8 / this.#endS;
  }

  report(): RenditionReport | null {
    const edge = this.#edge();
    if (edge.msn < FIRST_MSN) return null;
    const uri = `../${this.name}/index.m3u8`;
    return {
      uri,
      lastMsn: edge.msn,
      lastPart: this.#options.partTargetS === null ? null : edge.part,
    };
  }

  render(isDelta: boolean): string {
    return this.#rendered.render(isDelta);
  }

  renderGzip(isDelta: boolean): Uint8Array<ArrayBuffer> {
    return this.#rendered.renderGzip(isDelta);
  }

  read(file: RenditionFile): Blob | null {
    if (file.kind === "init") return this.#inits.read(file.number);
    if (file.kind === "segment") {
      const segment = this.#window.find(file.number);
      return segment === undefined ? null : readWhole(segment);
    }
    if (this.#options.partTargetS === null) return null;
    for (const segment of [...this.#window.kept, ...(this.#open === null ? [] : [this.#open])]) {
      const part = segment.parts.find((kept) => kept.number === file.number);
      if (part !== undefined) return readPart(part);
    }
    return null;
  }

  async waitFor(target: ReloadTarget | null, deadlineMs?: number): Promise<ReloadAnswer> {
    // RFC 8216bis 6.2.5.2: an msn more than two past the last one is an error of the client.
    if (target !== null && !this.#isEnded && target.msn > this.#edge().msn + 2) return "tooFar";
    const first = { msn: FIRST_MSN, part: 0 };
    const wanted = target === null || target.msn < FIRST_MSN ? first : target;
    return await this.#waiters.wait(() => this.#isEnded || this.#has(wanted), deadlineMs);
  }

  async waitForPart(number: number, deadlineMs?: number): Promise<ReloadAnswer> {
    if (this.#options.partTargetS === null || number > this.#nextPart) return "tooFar";
    return await this.#waiters.wait(() => this.#isEnded || number < this.#nextPart, deadlineMs);
  }

  /** Answers everybody who waits as if they had waited long enough. */
  releaseWaiters(): void {
    this.#waiters.release();
  }

  #has(target: ReloadTarget): boolean {
    const edge = this.#edge();
    const hasParts = this.#options.partTargetS !== null;
    if (!hasParts || target.part === null) return target.msn < this.#nextMsn;
    if (target.msn !== edge.msn) {
      if (target.msn > edge.msn) return false;
      // RFC 8216bis 6.2.5.2: a part index past the end means part 0 of the next segment.
      const segment = this.#window.find(target.msn);
      const isPast = segment !== undefined && target.part >= segment.parts.length;
      return !isPast || edge.msn > target.msn;
    }
    return target.part <= edge.part;
  }

  /** The last line of the playlist: its segment, and the part in it. */
  #edge(): { msn: number; part: number } {
    const openParts = this.#options.partTargetS === null ? 0 : this.#open?.parts.length ?? 0;
    if (openParts > 0) return { msn: this.#nextMsn, part: openParts - 1 };
    const last = this.#window.kept.at(-1);
    return { msn: this.#nextMsn - 1, part: (last?.parts.length ?? 1) - 1 };
  }

  #noteSegment(segment: {
    readonly startS: number;
    readonly durationS: number;
    readonly frames: number;
    readonly bytes: number;
    readonly isIndependent: boolean;
  }): void {
    this.meter.note(segment);
    this.#partBytes += segment.bytes;
    this.#endS = Math.max(this.#endS, segment.startS + segment.durationS);
    this.#isIndependent &&= segment.isIndependent;
  }

  #changed(): void {
    this.#rendered.forget();
    this.#waiters.wake();
  }

  #snapshot(): LivePlaylist {
    const { targetDurationS, partTargetS, dvrWindowS } = this.#options;
    const hasParts = partTargetS !== null;
    const open = hasParts && this.#open !== null && this.#open.parts.length > 0 ? this.#open : null;
    const { msn, discontinuities } = this.#window.start;
    return {
      targetDurationS,
      partTargetS,
      mediaSequence: msn,
      discontinuitySequence: discontinuities,
      segments: this.#window.entries(),
      open,
      preloadHintUri: hasParts ? `part-${this.#nextPart}.m4s` : null,
      reports: this.#options.reports(),
      isEnded: this.#isEnded,
      canSkip: hasParts || dvrWindowS > 0,
    };
  }
}
