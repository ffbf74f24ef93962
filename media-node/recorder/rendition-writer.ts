/**
 * Writes one rendition of a recording, in order, off the live path: segments first, then the
 * journal that names them. What storage does not take is tried again; what memory does not hold is
 * dropped and counted.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { sleep, withDeadline } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";
import {
  type InitEntry,
  type Journal,
  type RecordedRendition,
  type RecordingRef,
  renditionPrefix,
  SEGMENTS_PER_JOURNAL,
  type StoredSegment,
} from "./journal.ts";
import type { CompleteSegment, RecordedInit } from "./port.ts";

/** Bytes that may wait for storage, over all recordings of a node. */
export class MemoryBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }
}

export type RenditionWriterDeps = {
  readonly storage: Storage;
  readonly budget: MemoryBudget;
  readonly ref: RecordingRef;
  readonly name: RenditionName;
  /** What a process before has stored of it; null: nothing. */
  readonly before: RecordedRendition | null;
  /** Called with null when a write went well. */
  readonly onWrite: (error: unknown) => void;
  readonly onDrop: (segment: CompleteSegment) => void;
  /** Aborted when nothing more will be written. */
  readonly signal: AbortSignal;
};

type Job =
  | { readonly kind: "init"; readonly init: RecordedInit }
  | { readonly kind: "segment"; readonly segment: CompleteSegment };

/** A write that storage does not answer within this is one that failed. */
export const WRITE_DEADLINE_MS = 3500;
const RETRY_DELAYS_MS = [250, 500, 1000, 2000];

export class RenditionWriter {
  readonly #deps: RenditionWriterDeps;
  readonly #prefix: string;
  readonly #jobs: Job[] = [];
  readonly #inits: InitEntry[];
  readonly #segments: StoredSegment[];
  readonly #stored: Set<number>;
  #writing: Promise<void> | null = null;

  constructor(deps: RenditionWriterDeps) {
    this.#deps = deps;
    this.#prefix = renditionPrefix(deps.ref, deps.name);
    this.#inits = [...deps.before?.inits ?? []];
    this.#segments = [...deps.before?.segments ?? []];
    this.#stored = new Set(this.#segments.map(({ msn }) => msn));
  }

  addInit(init: RecordedInit): void {
    if (this.#inits.some(({ number }) => number === init.number)) return;
    this.#add({ kind: "init", init });
  }

  addSegment(segment: CompleteSegment): void {
    if (this.#deps.signal.aborted || !this.#deps.budget.take(segment.bytes.length)) {
      return this.#deps.onDrop(segment);
    }
    this.#add({ kind: "segment", segment });
  }

  /** Resolves when everything is written or given up. */
  async drained(): Promise<void> {
    await this.#writing;
  }

  isStored(msn: number): boolean {
    return this.#stored.has(msn);
  }

  /** What is in storage by now. */
  get recorded(): RecordedRendition {
    return { name: this.#deps.name, inits: this.#inits, segments: this.#segments };
  }

  /** Bytes of the segments in storage. */
  get storedBytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #add(job: Job): void {
    this.#jobs.push(job);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  async #writeAll(): Promise<void> {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      const isWritten = await this.#persist(job);
      if (job.kind !== "segment") continue;
      this.#deps.budget.giveBack(job.segment.bytes.length);
      if (!isWritten) this.#deps.onDrop(job.segment);
    }
  }

  /** False when it was given up. */
  async #persist(job: Job): Promise<boolean> {
    if (job.kind === "init") {
      const { bytes, ...entry } = job.init;
      const isWritten = await this.#put(`init-${entry.number}.mp4`, bytes, "video/mp4");
      if (isWritten) this.#inits.push({ ...entry, codecs: [...entry.codecs] });
      return isWritten;
    }
    const { msn, bytes } = job.segment;
    if (!await this.#put(`seg-${msn}.m4s`, bytes, "video/iso.segment")) return false;
    this.#segments.push(entryOf(job.segment));
    this.#stored.add(msn);
    await this.#writeJournal(Math.floor(msn / SEGMENTS_PER_JOURNAL));
    return true;
  }

  async #writeJournal(number: number): Promise<void> {
    const first = number * SEGMENTS_PER_JOURNAL;
    const journal: Journal = {
      version: 1,
      inits: this.#inits,
      // In order, and the newest journal's are the last.
      segments: this.#segments.slice(-SEGMENTS_PER_JOURNAL).filter(({ msn }) => msn >= first),
    };
    const bytes = new TextEncoder().encode(JSON.stringify(journal));
    await this.#put(`journal-${number}.json`, bytes, "application/json");
  }

  async #put(name: string, body: Uint8Array, contentType: string): Promise<boolean> {
    const { storage, signal, onWrite } = this.#deps;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const deadline = AbortSignal.timeout(WRITE_DEADLINE_MS);
        const options = { contentType, signal: AbortSignal.any([signal, deadline]) };
        const key = this.#prefix + name;
        await withDeadline(`writing ${key}`, WRITE_DEADLINE_MS, storage.put(key, body, options));
        onWrite(null);
        return true;
      } catch (error) {
        onWrite(error);
        const delayMs = RETRY_DELAYS_MS[attempt] ?? RETRY_DELAYS_MS.at(-1) ?? 0;
        await sleep(delayMs, signal).catch(() => undefined);
      }
    }
    return false;
  }
}

function entryOf(segment: CompleteSegment): StoredSegment {
  const { msn, initNumber, startS, durationS, isDiscontinuous, isIndependent } = segment;
  const { wallClockMs, frames, bytes, hasCaptions } = segment;
  const place = { msn, initNumber, startS, durationS, isDiscontinuous, isIndependent };
  const captions = hasCaptions === true ? { hasCaptions } : {};
  return { ...place, ...captions, wallClockMs, frames, bytes: bytes.length };
}
