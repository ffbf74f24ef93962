/**
 * The files of one rendition: fetched once, measured, and compared with what the playlist says.
 */
import {
  checkBandwidth,
  checkStarts,
  isMadeOfParts,
  type MeasuredSegment,
} from "#shared/hls/check-bytes.ts";
import { readStartTimes, readTrackClocks, type TrackClock } from "#shared/hls/fragment-times.ts";
import type { CheckedSegment } from "#shared/hls/parse-playlist.ts";
import type { Fetched, ProbeHttp } from "./probe-http.ts";

/** A segment that was fetched. */
export type ProbedSegment = MeasuredSegment & {
  readonly msn: number;
  readonly wallClockMs: number | null;
  readonly isDiscontinuous: boolean;
  /** Of its video, or of what there is; null when the container does not tell. */
  readonly startS: number | null;
};

type Files = {
  readonly http: ProbeHttp;
  /** The media playlist's: what URIs are relative to. */
  readonly baseUrl: string;
  readonly complain: (sentences: readonly string[]) => void;
};

export class RenditionMedia {
  readonly #files: Files;
  readonly #segments = new Map<number, ProbedSegment>();
  readonly #asked = new Set<number>();
  readonly #inits = new Map<string, Promise<readonly TrackClock[]>>();
  readonly #parts = new Map<string, Promise<Fetched | null>>();
  readonly firstByteMs: number[] = [];

  constructor(files: Files) {
    this.#files = files;
  }

  /** Those fetched so far, in order. */
  get segments(): readonly ProbedSegment[] {
    return [...this.#segments.values()].toSorted((one, other) => one.msn - other.msn);
  }

  /** Fetches a part that is to come. Null when it does not: a hint is no promise. */
  async hintedPart(uri: string): Promise<Fetched | null> {
    const fetched = this.#files.http.get(this.#urlOf(uri)).then((part) =>
      part.status === 200 ? part : null
    );
    this.#parts.set(uri, fetched);
    return await fetched;
  }

  /** Fetches a complete segment, and its parts when `withParts`, and checks the one against the other. */
  async measure(segment: CheckedSegment, withParts: boolean): Promise<void> {
    const { msn, uri, durationS, wallClockMs, isDiscontinuous } = segment;
    if (this.#asked.has(msn)) return;
    this.#asked.add(msn);
    const whole = await this.#get(uri, this.firstByteMs);
    if (whole === null) return;
    const startS = await this.#startOf(segment.initUri, whole.bytes);
    const bytes = whole.bytes.length;
    this.#segments.set(msn, { msn, bytes, durationS, wallClockMs, isDiscontinuous, startS });
    if (withParts && segment.parts.length > 0) await this.#compareParts(segment, whole.bytes);
  }

  /** What the measured segments say against BANDWIDTH (null: unknown) and EXTINF. */
  check(bandwidthBps: number | null, targetDurationS: number): string[] {
    return runsOf(this.segments).flatMap((run) => {
      const timed = run.flatMap((segment) =>
        segment.startS === null
          ? []
          : [{ ...segment, startS: segment.startS, name: `segment ${segment.msn}` }]
      );
      return [
        ...(bandwidthBps === null ? [] : checkBandwidth(bandwidthBps, run, targetDurationS)),
        ...(timed.length === run.length ? checkStarts(timed) : []),
      ];
    });
  }

  async #compareParts(segment: CheckedSegment, whole: Uint8Array): Promise<void> {
    const parts = await Promise.all(
      segment.parts.map(({ uri }) => this.#parts.get(uri) ?? this.#get(uri, null)),
    );
    for (const { uri } of segment.parts) this.#parts.delete(uri);
    const bytes = parts.flatMap((part) => part?.bytes ?? []);
    if (bytes.length === parts.length && !isMadeOfParts(whole, bytes)) {
      this.#files.complain([`segment ${segment.msn} has other media than its parts`]);
    }
  }

  async #startOf(initUri: string | null, bytes: Uint8Array): Promise<number | null> {
    if (initUri === null) return null;
    const known = this.#inits.get(initUri) ?? this.#readInit(initUri);
    this.#inits.set(initUri, known);
    const clocks = await known;
    const starts = readStartTimes(bytes, clocks);
    const video = clocks.find(({ handler }) => handler === "vide")?.trackId;
    return starts.get(video ?? -1) ?? [...starts.values()][0] ?? null;
  }

  async #readInit(uri: string): Promise<readonly TrackClock[]> {
    const init = await this.#get(uri, this.firstByteMs);
    return init === null ? [] : readTrackClocks(init.bytes);
  }

  async #get(uri: string, times: number[] | null): Promise<Fetched | null> {
    const fetched = await this.#files.http.get(this.#urlOf(uri));
    if (fetched.status !== 200) {
      this.#files.complain([`${uri} is listed, but answered ${fetched.status}`]);
      return null;
    }
    times?.push(fetched.firstByteMs);
    if (fetched.bytes.length === 0) this.#files.complain([`${uri} is empty`]);
    return fetched;
  }

  #urlOf(uri: string): string {
    return new URL(uri, this.#files.baseUrl).href;
  }
}

/** Segments that follow one another without a hole. */
function runsOf(segments: readonly ProbedSegment[]): ProbedSegment[][] {
  const runs: ProbedSegment[][] = [];
  for (const segment of segments) {
    const run = runs.at(-1);
    if (run?.at(-1)?.msn === segment.msn - 1) run.push(segment);
    else runs.push([segment]);
  }
  return runs;
}
