/**
 * One live media playlist: its window of segments in memory, and those who wait for the next one.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { BandwidthMeter } from "./bandwidth-meter.ts";
import {
  type LivePlaylist,
  type PartEntry,
  renderLivePlaylist,
  type RenditionReport,
  type SegmentEntry,
  type SegmentHead,
} from "./playlist.ts";

export type RenditionOptions = {
  readonly name: RenditionName;
  readonly targetDurationS: number;
  /** Null: no parts. */
  readonly partTargetS: number | null;
  readonly wallClockAtZeroMs: number;
  /** Segments the playlist lists. */
  readonly windowSegments: number;
  /** Segments kept in memory, listed or not: at least `windowSegments`. */
  readonly keptSegments: number;
  /** How far the broadcast's other renditions are. */
  readonly reports: () => readonly RenditionReport[];
};

/** An init segment with what the multivariant playlist says about it. */
export type RenditionInit = {
  readonly codecs: readonly string[];
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: Uint8Array;
};

export type RenditionPart = {
  /** On the broadcast's timeline. */
  readonly startS: number;
  readonly durationS: number;
  readonly isIndependent: boolean;
  readonly frames: number;
  readonly bytes: Uint8Array;
};

type KeptPart = PartEntry & { readonly number: number; readonly bytes: Uint8Array };

type KeptSegment = SegmentHead & {
  readonly msn: number;
  readonly initNumber: number;
  readonly startS: number;
  readonly isIndependent: boolean;
  readonly parts: KeptPart[];
  frames: number;
  /** Null while it is open. */
  durationS: number | null;
};

/** A segment that just became complete. */
export type ClosedSegment = {
  readonly msn: number;
  readonly initNumber: number;
  readonly startS: number;
  readonly durationS: number;
  readonly isDiscontinuous: boolean;
  readonly isIndependent: boolean;
  readonly frames: number;
  readonly parts: readonly Uint8Array[];
};

/** What a blocking reload asks for: this segment, or this part of it. */
export type ReloadTarget = { readonly msn: number; readonly part: number | null };

export type ReloadAnswer = "ready" | "tooFar" | "timedOut";

/** A file of the rendition by the number in its name. */
export type RenditionFile = {
  readonly kind: "init" | "segment" | "part";
  readonly number: number;
};

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
  #segments: KeptSegment[] = [];
  #open: KeptSegment | null = null;
  #nextMsn = 0;
  #nextPart = 0;
  #isIndependent = true;
  #isEnded = false;
  #endS = 0;
  #partBytes = 0;
  #rendered: { full: string | null; delta: string | null } = { full: null, delta: null };
  #unlisted = { segments: 0, discontinuities: 0 };

  constructor(options: RenditionOptions) {
    this.name = options.name;
    this.#options = options;
    this.meter = new BandwidthMeter(options.targetDurationS);
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

  openSegment(startS: number, facts: { isDiscontinuous: boolean; isIndependent: boolean }): void {
    this.#open = {
      ...facts,
      msn: this.#nextMsn,
      initNumber: this.#initNumber,
      initUri: `init-${this.#initNumber}.mp4`,
      startS,
      wallClockMs: Math.round(this.#options.wallClockAtZeroMs + startS * 1000),
      parts: [],
      frames: 0,
      durationS: null,
    };
    this.#isIndependent &&= facts.isIndependent;
  }

  addPart(part: RenditionPart): void {
    if (this.#open === null) return;
    const number = this.#nextPart;
    this.#nextPart += 1;
    const { durationS, isIndependent, bytes } = part;
    this.#open.parts.push({ number, uri: `part-${number}.m4s`, durationS, isIndependent, bytes });
    this.#open.frames += part.frames;
    this.#endS = part.startS + durationS;
    this.#partBytes += bytes.length;
    if (this.#options.partTargetS !== null) this.#changed();
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
    this.#segments.push(segment);
    const parts = segment.parts.map((part) => part.bytes);
    const { msn, initNumber, startS, isDiscontinuous, isIndependent, frames } = segment;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.meter.note({ bytes, durationS, frames });
    this.#evict();
    this.#changed();
    const facts = { msn, initNumber, startS, durationS, isDiscontinuous, isIndependent, frames };
    return { ...facts, parts };
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
    return this.#nextMsn;
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
    if (edge.msn < 0) return null;
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

  /** The bytes of a file in memory, in order; null when it is not there (any more, or yet). */
  read(file: RenditionFile): readonly Uint8Array[] | null {
    if (file.kind === "init") {
      const init = this.#inits.get(file.number);
      return init === undefined ? null : [init.bytes];
    }
    if (file.kind === "segment") {
      const segment = this.#segments.find((kept) => kept.msn === file.number);
      return segment === undefined ? null : segment.parts.map((part) => part.bytes);
    }
    if (this.#options.partTargetS === null) return null;
    for (const segment of [...this.#segments, ...(this.#open === null ? [] : [this.#open])]) {
      const part = segment.parts.find((kept) => kept.number === file.number);
      if (part !== undefined) return [part.bytes];
    }
    return null;
  }

  /** Waits until the playlist has what `target` asks for; null: until it has anything to play. */
  async waitFor(target: ReloadTarget | null, deadlineMs?: number): Promise<ReloadAnswer> {
    // RFC 8216bis 6.2.5.2: an msn more than two past the last one is an error of the client.
    if (target !== null && !this.#isEnded && target.msn > this.#edge().msn + 2) return "tooFar";
    const wanted = target ?? { msn: 0, part: 0 };
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
      // MEDIA.md: nobody waits longer than three target durations.
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
      const segment = this.#segments.find((kept) => kept.msn === target.msn);
      const isPast = segment !== undefined && target.part >= segment.parts.length;
      return !isPast || edge.msn > target.msn;
    }
    return target.part <= edge.part;
  }

  /** The last line of the playlist: its segment, and the part in it. */
  #edge(): { msn: number; part: number } {
    const openParts = this.#options.partTargetS === null ? 0 : this.#open?.parts.length ?? 0;
    if (openParts > 0) return { msn: this.#nextMsn, part: openParts - 1 };
    const last = this.#segments.at(-1);
    return { msn: this.#nextMsn - 1, part: (last?.parts.length ?? 0) - 1 };
  }

  #evict(): void {
    const { windowSegments, keptSegments } = this.#options;
    const listed = this.#segments.slice(this.#unlistedKept());
    for (const segment of listed.slice(0, Math.max(0, listed.length - windowSegments))) {
      this.#unlisted.segments += 1;
      if (segment.isDiscontinuous) this.#unlisted.discontinuities += 1;
    }
    this.#segments.splice(0, Math.max(0, this.#segments.length - keptSegments));
    const oldestInit = this.#segments[0]?.initNumber ?? this.#initNumber;
    for (const number of this.#inits.keys()) {
      if (number < oldestInit) this.#inits.delete(number);
    }
  }

  /** How many of the kept segments have left the playlist. */
  #unlistedKept(): number {
    const first = this.#segments[0]?.msn ?? this.#nextMsn;
    return Math.max(0, this.#unlisted.segments - first);
  }

  #changed(): void {
    this.#rendered = { full: null, delta: null };
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.finish("ready");
  }

  #snapshot(): LivePlaylist {
    const { targetDurationS, partTargetS } = this.#options;
    const hasParts = partTargetS !== null;
    const listed = this.#segments.slice(this.#unlistedKept());
    const open = hasParts && this.#open !== null && this.#open.parts.length > 0 ? this.#open : null;
    return {
      targetDurationS,
      partTargetS,
      mediaSequence: this.#unlisted.segments,
      discontinuitySequence: this.#unlisted.discontinuities,
      segments: listed.map((segment, index) =>
        toEntry(segment, hasParts && index >= listed.length - SEGMENTS_WITH_PARTS)
      ),
      open,
      preloadHintUri: hasParts ? `part-${this.#nextPart}.m4s` : null,
      reports: this.#options.reports(),
      isEnded: this.#isEnded,
    };
  }
}

function toEntry(segment: KeptSegment, listsParts: boolean): SegmentEntry {
  return {
    isDiscontinuous: segment.isDiscontinuous,
    initUri: segment.initUri,
    wallClockMs: segment.wallClockMs,
    uri: `seg-${segment.msn}.m4s`,
    durationS: segment.durationS ?? 0,
    parts: listsParts ? segment.parts : [],
  };
}
