/**
 * The sample table of one track of an MP4 while it is being counted: times, sizes and places of all
 * its samples, on one timeline that never goes back.
 */
import type { FragmentSample } from "../formats/mp4/boxes.ts";
import { RunLengths, Uint32List } from "./run-lengths.ts";
import type { InitTrack } from "../formats/mp4/segment-runs.ts";

/** Consecutive samples with one sample entry, and where they lie in the `mdat`. */
export type Chunk = {
  /** From the first byte of media. */
  readonly offset: number;
  readonly samples: number;
  /** 1 for the first sample entry. */
  readonly entry: number;
};

export type NewRun = {
  readonly track: InitTrack;
  /** Decode time of the first sample in this table's timescale. */
  readonly decodeTicks: number;
  readonly samples: readonly FragmentSample[];
  readonly offset: number;
};

/** sample_is_non_sync_sample */
const NON_SYNC = 0x10000;

export class TrackTable {
  readonly kind: InitTrack["kind"];
  readonly timescale: number;
  readonly width: number;
  readonly height: number;
  readonly sampleEntries: Uint8Array[] = [];
  readonly sizes = new Uint32List();
  readonly durations = new RunLengths();
  readonly compositionOffsets = new RunLengths();
  /** Numbers of sync samples, 1 for the first sample. */
  readonly syncSamples = new Uint32List();
  readonly chunks: Chunk[] = [];
  hasCompositionOffsets = false;
  #first: { readonly decodeTicks: number; readonly compositionTicks: number } | null = null;
  #last = { decodeTicks: 0, durationTicks: 0 };

  constructor(track: InitTrack) {
    this.kind = track.kind;
    this.timescale = track.timescale;
    this.width = track.width;
    this.height = track.height;
  }

  /** Presentation time of the first sample, in seconds on the timeline of all tracks. */
  get startS(): number {
    const { decodeTicks, compositionTicks } = this.#first ?? ZERO;
    return (decodeTicks + compositionTicks) / this.timescale;
  }

  /** What the first sample's presentation lies behind its decoding. */
  get startOffsetTicks(): number {
    return this.#first?.compositionTicks ?? 0;
  }

  /** End of the last sample on the timeline of all tracks. */
  get endTicks(): number {
    return this.#last.decodeTicks + this.#last.durationTicks;
  }

  get durationTicks(): number {
    return this.#first === null ? 0 : this.endTicks - this.#first.decodeTicks;
  }

  /** Adds the samples of `run`; another timescale than ours is converted. */
  add(run: NewRun): void {
    const entry = this.#entryOf(run.track.sampleEntry);
    const scale = this.timescale / run.track.timescale;
    let ticks = 0;
    for (const sample of run.samples) {
      this.#place(run.decodeTicks + Math.round(ticks * scale), {
        ...sample,
        duration: Math.round(sample.duration * scale),
        compositionOffset: Math.round(sample.compositionOffset * scale),
      });
      ticks += sample.duration;
    }
    this.chunks.push({ offset: run.offset, samples: run.samples.length, entry });
  }

  /** Closes the tables: call it once, before they are read. */
  finish(): void {
    if (this.#first === null) return;
    this.durations.push(this.#last.durationTicks);
    this.durations.flush();
    this.compositionOffsets.flush();
  }

  #place(wantedTicks: number, sample: FragmentSample): void {
    const { compositionOffset } = sample;
    if (this.#first === null) {
      this.#first = { decodeTicks: wantedTicks, compositionTicks: compositionOffset };
      this.#last = { decodeTicks: wantedTicks, durationTicks: sample.duration };
    } else {
      // The audio before a discontinuity may reach a frame into what follows.
      const decodeTicks = Math.max(wantedTicks, this.#last.decodeTicks + 1);
      this.durations.push(decodeTicks - this.#last.decodeTicks);
      this.#last = { decodeTicks, durationTicks: sample.duration };
    }
    this.sizes.push(sample.size);
    this.compositionOffsets.push(compositionOffset);
    if (compositionOffset !== 0) this.hasCompositionOffsets = true;
    if ((sample.flags & NON_SYNC) === 0) this.syncSamples.push(this.sizes.length);
  }

  #entryOf(bytes: Uint8Array): number {
    const known = this.sampleEntries.findIndex((entry) => Buffer.compare(entry, bytes) === 0);
    if (known !== -1) return known + 1;
    return this.sampleEntries.push(bytes);
  }
}

const ZERO = { decodeTicks: 0, compositionTicks: 0 };
