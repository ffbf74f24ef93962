/**
 * What a live media playlist lists: the newest segments, whose bytes are in memory, and before them
 * those of the DVR window, whose bytes are in storage.
 */
import { FIRST_MSN } from "../hls/msn.ts";
import {
  type PartEntry,
  type SegmentEntry,
  type SegmentHead,
  segmentLines,
} from "../hls/playlist.ts";

/** What nobody has read yet, or what viewers read. */
export type KeptBytes = Uint8Array<ArrayBuffer> | Blob;

export type KeptPart<Bytes = KeptBytes> = PartEntry & {
  readonly number: number;
  /** Null: only its segment has its media now. */
  bytes: Bytes | null;
};

/** A complete segment, or the open one, with its bytes. */
export type KeptSegment<Bytes = KeptBytes> = SegmentHead & {
  readonly msn: number;
  readonly initNumber: number;
  readonly startS: number;
  readonly wallClockMs: number;
  readonly isIndependent: boolean;
  readonly parts: KeptPart<Bytes>[];
  /** Its parts as one fragment; null while it is open. */
  whole: Bytes | null;
  frames: number;
  /** Null while it is open. */
  durationS: number | null;
};

/** A complete segment of which nobody has read anything yet. */
export type WholeSegment = KeptSegment<Uint8Array<ArrayBuffer>> & {
  readonly durationS: number;
  readonly whole: Uint8Array<ArrayBuffer>;
};

/** A complete segment whose bytes are elsewhere. */
export type PastSegment = SegmentHead & {
  readonly msn: number;
  readonly initNumber: number;
  readonly wallClockMs: number;
  readonly durationS: number;
};

/** The first segment that is listed, and how many discontinuities have left the playlist. */
export type WindowStart = { readonly msn: number; readonly discontinuities: number };

/** Of a playlist that nothing has left. */
export const FIRST_START: WindowStart = { msn: FIRST_MSN, discontinuities: 0 };

export type LiveWindowOptions = {
  /** Segments that are listed in any case. */
  readonly windowSegments: number;
  /** How much is listed of what is in storage; 0: nothing. */
  readonly dvrWindowS: number;
  /** The newest complete segments list their parts; 0: there are none to list. */
  readonly segmentsWithParts: number;
  /** Whether storage has the segment: nobody will miss it in memory. */
  readonly isStored: (msn: number) => boolean;
};

/**
 * Kept in memory after they left the window: readers are that far behind (RFC 8216bis 6.2.2). What
 * storage has is kept only until the slowest blocking reader has it.
 */
const LINGER_SEGMENTS = { stored: 3, unstored: 9 };
/**
 * Segments whose parts are kept beside them after they are no longer listed: for readers of a playlist
 * that is this old. All others are in memory once.
 */
const LINGER_PARTS_SEGMENTS = 3;

type Listed = PastSegment & { readonly entry: SegmentEntry };

export class LiveWindow {
  readonly #options: LiveWindowOptions;
  #past: Listed[] = [];
  #kept: KeptSegment[] = [];
  #listedS = 0;
  /** Of all segments there were. */
  #totalS = 0;
  #start = FIRST_START;

  constructor(options: LiveWindowOptions) {
    this.#options = options;
  }

  /** Complete segments in memory, listed or not, oldest first. */
  get kept(): readonly KeptSegment[] {
    return this.#kept;
  }

  get start(): WindowStart {
    return this.#start;
  }

  /** How far back the playlist goes, and how far it would if storage had taken everything; seconds. */
  get reach(): { readonly listedS: number; readonly wantedS: number } {
    return { listedS: this.#listedS, wantedS: Math.min(this.#options.dvrWindowS, this.#totalS) };
  }

  /** Where a playlist goes on that another process began. */
  restore(start: WindowStart, past: readonly PastSegment[], kept: readonly KeptSegment[]): void {
    this.#start = start;
    this.#past = past.map(toListed);
    this.#kept = [...kept];
    this.#listedS = [...past, ...kept].reduce((sum, { durationS }) => sum + (durationS ?? 0), 0);
    this.#totalS = this.#listedS;
    this.#evict();
  }

  add(segment: KeptSegment): void {
    this.#kept.push(segment);
    this.#listedS += segment.durationS ?? 0;
    this.#totalS += segment.durationS ?? 0;
    this.#evict();
  }

  find(msn: number): KeptSegment | undefined {
    return this.#kept.find((segment) => segment.msn === msn);
  }

  /** The oldest init segment that is still needed; null when nothing is listed or kept. */
  get oldestInit(): number | null {
    return (this.#past[0] ?? this.#kept[0])?.initNumber ?? null;
  }

  /** The lines of the playlist, oldest first. */
  entries(): SegmentEntry[] {
    const { segmentsWithParts } = this.#options;
    const kept = this.#kept.slice(this.#unlistedKept);
    return [
      ...this.#past.map(({ entry }) => entry),
      ...kept.map((segment, index) => toEntry(segment, index >= kept.length - segmentsWithParts)),
    ];
  }

  /** How many of the kept segments have left the playlist. */
  get #unlistedKept(): number {
    const first = this.#kept[0]?.msn ?? this.#start.msn;
    return Math.max(0, this.#start.msn - first);
  }

  get #listedCount(): number {
    return this.#past.length + this.#kept.length - this.#unlistedKept;
  }

  #olderThan(newest: number): number {
    return Math.max(0, this.#kept.length - newest);
  }

  #dropParts(): void {
    const { segmentsWithParts } = this.#options;
    const withBytes = segmentsWithParts === 0 ? 0 : segmentsWithParts + LINGER_PARTS_SEGMENTS;
    for (const { parts } of this.#kept.slice(0, this.#olderThan(withBytes))) {
      for (const part of parts) part.bytes = null;
    }
  }

  #evict(): void {
    this.#dropParts();
    const { windowSegments, dvrWindowS, isStored } = this.#options;
    // What is about to leave memory without being in storage is no longer listed, nor what is before.
    const older = this.#kept.slice(this.#unlistedKept, this.#olderThan(windowSegments));
    const lost = older.findLast(({ msn }) => !isStored(msn))?.msn ?? -1;
    while (this.#listedCount > windowSegments && this.#isFrontOver(lost, dvrWindowS)) {
      this.#unlistFirst();
    }
    for (let first = this.#kept[0]; first !== undefined; first = this.#kept[0]) {
      const linger = isStored(first.msn) ? LINGER_SEGMENTS.stored : LINGER_SEGMENTS.unstored;
      if (this.#kept.length <= windowSegments + linger) return;
      this.#kept.shift();
      if (first.msn >= this.#start.msn) {
        this.#past.push(toListed({ ...first, durationS: first.durationS ?? 0 }));
      }
    }
  }

  #isFrontOver(lostMsn: number, dvrWindowS: number): boolean {
    if (this.#start.msn <= lostMsn) return true;
    const first = this.#past[0] ?? this.#kept[this.#unlistedKept];
    return this.#listedS - (first?.durationS ?? 0) >= dvrWindowS;
  }

  #unlistFirst(): void {
    const first = this.#past.shift() ?? this.#kept[this.#unlistedKept];
    if (first === undefined) return;
    const { msn, discontinuities } = this.#start;
    this.#listedS -= first.durationS ?? 0;
    this.#start = {
      msn: msn + 1,
      discontinuities: discontinuities + (first.isDiscontinuous ? 1 : 0),
    };
  }
}

function toListed(segment: PastSegment): Listed {
  const { msn, initNumber, initUri, isDiscontinuous, wallClockMs, durationS } = segment;
  const uri = `seg-${msn}.m4s`;
  const entry: SegmentEntry = {
    isDiscontinuous,
    initUri,
    uri,
    durationS,
    // RFC 8216bis 6.2.1: no tag of a listed segment changes, so its clock stays.
    wallClockMs,
    parts: [],
    text: segmentLines({ durationS, uri }),
  };
  return { msn, initNumber, initUri, isDiscontinuous, wallClockMs, durationS, entry };
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
