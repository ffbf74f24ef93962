/**
 * One live media playlist: its window of segments in memory, and those who wait for the next one.
 */
import { constants, gzipSync } from "node:zlib";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { BandwidthMeter } from "../hls/bandwidth-meter.ts";
import {
  FIRST_MSN,
  type KeptSegment,
  LiveWindow,
  type PastSegment,
  type WindowStart,
} from "./live-window.ts";
import { type LivePlaylist, renderLivePlaylist, type RenditionReport } from "../hls/playlist.ts";
import { lengthOf, readPart, readWhole } from "./read-bytes.ts";

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

/** An init segment with what the multivariant playlist says about it. */
export type RenditionInit = {
  readonly codecs: readonly string[];
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

export type RenditionPart = {
  /** On the broadcast's timeline. */
  readonly startS: number;
  readonly durationS: number;
  readonly isIndependent: boolean;
  readonly frames: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

/** A segment that just became complete. */
export type ClosedSegment = {
  readonly msn: number;
  readonly initNumber: number;
  readonly startS: number;
  readonly durationS: number;
  readonly isDiscontinuous: boolean;
  readonly isIndependent: boolean;
  /** Wall clock of its first frame, Unix ms. */
  readonly wallClockMs: number;
  readonly frames: number;
  readonly parts: readonly Uint8Array[];
};

/** A playlist that another process began, as far as it is known. */
export type RestoredRendition = {
  readonly windowStart: WindowStart;
  /** Contiguous with `kept`: storage has their bytes. */
  readonly past: readonly (PastSegment & {
    readonly startS: number;
    readonly frames: number;
    readonly bytes: number;
    readonly isIndependent: boolean;
  })[];
  readonly kept: readonly KeptSegment<Uint8Array<ArrayBuffer>>[];
  readonly inits: ReadonlyMap<number, RenditionInit>;
  readonly nextMsn: number;
  readonly nextPart: number;
};

/** What a blocking reload asks for: this segment, or this part of it. */
export type ReloadTarget = { readonly msn: number; readonly part: number | null };

export type ReloadAnswer = "ready" | "tooFar" | "timedOut";

/** A file of the rendition by the number in its name. */
export type RenditionFile = {
  readonly kind: "init" | "segment" | "part";
  readonly number: number;
};

type Form = "full" | "delta";

type Waiter = { readonly isDone: () => boolean; readonly finish: (answer: ReloadAnswer) => void };

/** RFC 8216bis 4.4.4.9: parts further than three target durations from the end need not be listed. */
const SEGMENTS_WITH_PARTS = 2;

export class LiveRendition {
  readonly name: RenditionName;
  readonly meter: BandwidthMeter;
  readonly #options: RenditionOptions;
  readonly #inits = new Map<number, RenditionInit>();
  readonly #waiters = new Set<Waiter>();
  #initNumber = -1;
  readonly #window: LiveWindow;
  #wallClockAtZeroMs: number;
  #open: KeptSegment | null = null;
  #openBytes: Uint8Array[] = [];
  #nextMsn = FIRST_MSN;
  #nextPart = 0;
  #isIndependent = true;
  #isEnded = false;
  #endS = 0;
  #partBytes = 0;
  #rendered: Record<Form, string | null> = { full: null, delta: null };
  #compressed: Record<Form, Uint8Array<ArrayBuffer> | null> = { full: null, delta: null };

  constructor(options: RenditionOptions) {
    this.name = options.name;
    this.#options = options;
    this.#wallClockAtZeroMs = options.wallClockAtZeroMs;
    this.#window = new LiveWindow(options);
    this.meter = new BandwidthMeter(options.targetDurationS);
  }

  /** Goes on where another process stopped. Before anything else. */
  restore(saved: RestoredRendition): void {
    for (const [number, init] of saved.inits) this.#inits.set(number, init);
    this.#initNumber = Math.max(-1, ...saved.inits.keys());
    this.#nextMsn = saved.nextMsn;
    this.#nextPart = saved.nextPart;
    for (const { startS, durationS, frames, bytes, isIndependent } of saved.past) {
      this.#noteSegment({ startS, durationS, frames, bytes, isIndependent });
    }
    for (const { startS, durationS, frames, parts, isIndependent } of saved.kept) {
      const bytes = parts.reduce((sum, part) => sum + lengthOf(part), 0);
      this.#noteSegment({ startS, durationS: durationS ?? 0, frames, bytes, isIndependent });
    }
    this.#window.restore(saved.windowStart, saved.past, saved.kept);
    this.#changed();
  }

  /** Wall clock of the timeline's zero for the segments to come: their publisher came back. */
  useClock(wallClockAtZeroMs: number): void {
    this.#wallClockAtZeroMs = wallClockAtZeroMs;
  }

  /** What has left the playlist. */
  get windowStart(): WindowStart {
    return this.#window.start;
  }

  /** The init segment of the segments to come; returns the N of its `init-N.mp4`. */
  useInit(init: RenditionInit): number {
    this.#initNumber += 1;
    this.#inits.set(this.#initNumber, init);
    return this.#initNumber;
  }

  /** The init segment in force; null before the first. */
  get init(): RenditionInit | null {
    return this.#inits.get(this.#initNumber) ?? null;
  }

  openSegment(
    startS: number,
    facts: { isDiscontinuous: boolean; isIndependent: boolean },
  ): KeptSegment {
    const segment: KeptSegment = {
      ...facts,
      msn: this.#nextMsn,
      initNumber: this.#initNumber,
      initUri: `init-${this.#initNumber}.mp4`,
      startS,
      wallClockMs: Math.round(this.#wallClockAtZeroMs + startS * 1000),
      parts: [],
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
  closeSegment(endS: number): ClosedSegment | null {
    const segment = this.#open;
    this.#open = null;
    if (segment === null || segment.parts.length === 0) return null;
    const durationS = endS - segment.startS;
    segment.durationS = durationS;
    this.#endS = endS;
    this.#nextMsn += 1;
    const parts = this.#openBytes;
    const { msn, initNumber, startS, isDiscontinuous, isIndependent, wallClockMs, frames } =
      segment;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.meter.note({ bytes, durationS, frames });
    this.#window.add(segment);
    this.#dropInits();
    this.#changed();
    const facts = { msn, initNumber, startS, durationS, isDiscontinuous, isIndependent };
    return { ...facts, wallClockMs, frames, parts };
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

  /** How far this rendition is, for the reports of its siblings; null before its first line. */
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

  /** The playlist as it stands; rendered once per change, not once per viewer. */
  render(isDelta: boolean): string {
    const form = isDelta ? "delta" : "full";
    const text = this.#rendered[form] ?? renderLivePlaylist(this.#snapshot(), isDelta);
    this.#rendered[form] = text;
    return text;
  }

  /** `render()` as gzip, likewise once per change. */
  renderGzip(isDelta: boolean): Uint8Array<ArrayBuffer> {
    const form = isDelta ? "delta" : "full";
    const bytes = this.#compressed[form] ??
      gzipSync(this.render(isDelta), { level: constants.Z_BEST_SPEED });
    this.#compressed[form] = bytes;
    return bytes;
  }

  /** The bytes of a file in memory; null when it is not there (any more, or yet). */
  read(file: RenditionFile): Blob | null {
    if (file.kind === "init") {
      const init = this.#inits.get(file.number);
      return init === undefined ? null : new Blob([init.bytes]);
    }
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

  /** Waits until the playlist has what `target` asks for; null: until it has anything to play. */
  async waitFor(target: ReloadTarget | null, deadlineMs?: number): Promise<ReloadAnswer> {
    // RFC 8216bis 6.2.5.2: an msn more than two past the last one is an error of the client.
    if (target !== null && !this.#isEnded && target.msn > this.#edge().msn + 2) return "tooFar";
    const first = { msn: FIRST_MSN, part: 0 };
    const wanted = target === null || target.msn < FIRST_MSN ? first : target;
    return await this.#wait(() => this.#has(wanted), deadlineMs);
  }

  /** Waits for the part that the preload hint names; any other one that is not there is not waited for. */
  async waitForPart(number: number, deadlineMs?: number): Promise<ReloadAnswer> {
    if (this.#options.partTargetS === null || number > this.#nextPart) return "tooFar";
    return await this.#wait(() => number < this.#nextPart, deadlineMs);
  }

  /** Answers everybody who waits as if they had waited long enough. */
  releaseWaiters(): void {
    for (const waiter of this.#waiters) waiter.finish("timedOut");
  }

  #wait(isThere: () => boolean, deadlineMs?: number): Promise<ReloadAnswer> {
    const isDone = () => this.#isEnded || isThere();
    if (isDone()) return Promise.resolve("ready");
    return new Promise((resolve) => {
      const finish = (answer: ReloadAnswer) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(answer);
      };
      const waiter = { isDone, finish };
      // RFC 8216bis 6.2.5.2: 503 when the wait is far longer than it should be; ours is three targets.
      const limitMs = deadlineMs ?? 3000 * this.#options.targetDurationS;
      const timer = setTimeout(() => finish("timedOut"), limitMs);
      this.#waiters.add(waiter);
    });
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

  #dropInits(): void {
    const oldest = this.#window.oldestInit ?? this.#initNumber;
    for (const number of this.#inits.keys()) {
      if (number < oldest) this.#inits.delete(number);
    }
  }

  #changed(): void {
    this.#rendered = { full: null, delta: null };
    this.#compressed = { full: null, delta: null };
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.finish("ready");
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
      segments: this.#window.entries(hasParts ? SEGMENTS_WITH_PARTS : 0),
      open,
      preloadHintUri: hasParts ? `part-${this.#nextPart}.m4s` : null,
      reports: this.#options.reports(),
      isEnded: this.#isEnded,
      canSkip: hasParts || dvrWindowS > 0,
    };
  }
}
