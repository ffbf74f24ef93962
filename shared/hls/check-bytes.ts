/**
 * Rules about the bytes behind a playlist.
 * @see draft-pantos-hls-rfc8216bis-20
 */
import { type FragmentSample, readFragmentSamples } from "./fragment-samples.ts";

/** A segment as it was measured. */
export type MeasuredSegment = { readonly bytes: number; readonly durationS: number };

/**
 * 4.4.6.2: the largest bitrate of any run of segments that lasts 0.5 to 1.5 target durations. 0
 * when there is no such run.
 */
export function peakBitrateBps(
  segments: readonly MeasuredSegment[],
  targetDurationS: number,
): number {
  let peakBps = 0;
  for (const from of segments.keys()) {
    let [bits, durationS] = [0, 0];
    for (const segment of segments.slice(from)) {
      bits += segment.bytes * 8;
      durationS += segment.durationS;
      if (durationS > 1.5 * targetDurationS) break;
      if (durationS >= 0.5 * targetDurationS) peakBps = Math.max(peakBps, bits / durationS);
    }
  }
  return peakBps;
}

/** The bitrate over all of `segments`; 0 without any. */
export function averageBitrateBps(segments: readonly MeasuredSegment[]): number {
  const durationS = segments.reduce((sum, segment) => sum + segment.durationS, 0);
  const bits = segments.reduce((sum, segment) => sum + segment.bytes * 8, 0);
  return durationS === 0 ? 0 : bits / durationS;
}

/** 4.4.6.2: BANDWIDTH is no less than the measured peak. `segments` follow one another. */
export function checkBandwidth(
  bandwidthBps: number,
  segments: readonly MeasuredSegment[],
  targetDurationS: number,
): string[] {
  const peakBps = Math.ceil(peakBitrateBps(segments, targetDurationS));
  return peakBps > bandwidthBps
    ? [`BANDWIDTH is ${bandwidthBps}, the measured peak ${peakBps}`]
    : [];
}

/**
 * 4.4.4.9: a segment is its parts: either their bytes one after the other, or the same samples at the
 * same times in other fragments.
 */
export function isMadeOfParts(whole: Uint8Array, parts: readonly Uint8Array[]): boolean {
  if (isConcatenation(whole, parts)) return true;
  const samples = readFragmentSamples(whole);
  const expected = new Map<number, FragmentSample[]>();
  for (const part of parts) {
    const partSamples = readFragmentSamples(part);
    if (partSamples === null) return false;
    for (const [trackId, more] of partSamples) {
      expected.set(trackId, [...expected.get(trackId) ?? [], ...more]);
    }
  }
  if (samples === null || samples.size !== expected.size) return false;
  return [...expected].every(([trackId, track]) => isSameTrack(samples.get(trackId) ?? [], track));
}

function isSameTrack(one: readonly FragmentSample[], other: readonly FragmentSample[]): boolean {
  return one.length === other.length &&
    one.every((sample, index) => {
      const { decodeTicks, compositionTicks, bytes } = other[index] ?? sample;
      return sample.decodeTicks === decodeTicks && sample.compositionTicks === compositionTicks &&
        isSameBytes(sample.bytes, bytes);
    });
}

function isConcatenation(whole: Uint8Array, parts: readonly Uint8Array[]): boolean {
  let offset = 0;
  for (const part of parts) {
    if (!isSameBytes(part, whole.subarray(offset, offset + part.length))) return false;
    offset += part.length;
  }
  return offset === whole.length;
}

function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** A segment of one rendition by where its own timestamps say it begins. */
export type TimedSegment = {
  readonly name: string;
  readonly startS: number;
  readonly durationS: number;
  readonly isDiscontinuous: boolean;
};

const START_TOLERANCE_S = 0.05;

/** 4.4.4.1: EXTINF says how far it is from a segment to the next. `segments` follow one another. */
export function checkStarts(segments: readonly TimedSegment[]): string[] {
  return segments.slice(1).flatMap((segment, index) => {
    const before = segments[index];
    if (before === undefined || segment.isDiscontinuous) return [];
    const gapS = segment.startS - before.startS;
    if (Math.abs(gapS - before.durationS) <= START_TOLERANCE_S) return [];
    const told = `EXTINF of ${before.name} is ${before.durationS}`;
    return [`${told}, ${segment.name} begins ${gapS.toFixed(3)} s later`];
  });
}

/** What one track of a segment spans by its own timestamps. */
export type TrackTimes = {
  readonly name: string;
  readonly startS: number;
  readonly endS: number;
  readonly isDiscontinuous: boolean;
};

/** Of exact times that were divided by their timescales. */
const SAME_TIME_S = 0.0005;

/**
 * 4.4.4.3: without EXT-X-DISCONTINUITY the timestamps of a track go on from segment to segment. A
 * hole of up to `maxHoleS` is let pass. `segments` follow one another.
 */
export function checkContinuity(segments: readonly TrackTimes[], maxHoleS = 0): string[] {
  return segments.slice(1).flatMap((segment, index) => {
    const before = segments[index];
    if (before === undefined || segment.isDiscontinuous) return [];
    const holeS = segment.startS - before.endS;
    if (holeS >= -SAME_TIME_S && holeS <= maxHoleS + SAME_TIME_S) return [];
    const what = holeS < 0 ? "an overlap" : "a hole";
    return [`${what} of ${Math.abs(holeS).toFixed(4)} s before ${segment.name}`];
  });
}

/** 6.2.4: one segment begins at one time in every rendition. */
export function checkEqualStarts(name: string, startsS: readonly number[]): string[] {
  const spreadS = Math.max(...startsS) - Math.min(...startsS);
  if (startsS.length < 2 || spreadS <= 0.001) return [];
  return [`${name} begins at ${startsS.map((startS) => startS.toFixed(3)).join(", ")} s`];
}
