/**
 * A recording read to its last byte: every playlist by the strict checkers and by hls-parser, every
 * segment by the boxes in it.
 */
import * as HLS from "hls-parser";
import {
  checkBandwidth,
  checkContinuity,
  checkEqualStarts,
  checkStarts,
  type MeasuredSegment,
} from "#shared/hls/check-bytes.ts";
import { checkMultivariant, readMultivariant } from "#shared/hls/check-multivariant.ts";
import { checkMediaPlaylist, readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { checkRenditions } from "#shared/hls/check-renditions.ts";
import { readTrackClocks, readTrackSpans, type TrackSpan } from "#shared/hls/fragment-times.ts";
import type { CheckedSegment } from "#shared/hls/parse-playlist.ts";

/** Audio is counted in frames of its own; where its count is corrected one frame is missing. */
const AUDIO_HOLE_S = 0.03;

export type RecordingCheck = {
  readonly url: string;
  /** How long a track's silence may be within a run. Default: no hole at all in the video. */
  readonly maxHoleS?: Readonly<Record<string, number>>;
};

export type MeasuredRendition = {
  readonly uri: string;
  readonly targetDurationS: number;
  readonly durationS: number;
  readonly segments: readonly MeasuredSegment[];
};

type Media = CheckedSegment & MeasuredSegment & { readonly spans: ReadonlyMap<string, TrackSpan> };

/** What there is to complain about, and what was measured on the way. */
export async function checkRecording({ url, maxHoleS }: RecordingCheck) {
  const multivariant = await textOf(url);
  const complaints = [...checkMultivariant(multivariant), ...parseComplaints(multivariant)];
  const renditions: MeasuredRendition[] = [];
  const loaded = [];
  const media: Media[][] = [];
  for (const { uri, bandwidthBps } of readMultivariant(multivariant).variants) {
    const text = await textOf(new URL(uri, url).href);
    const playlist = readMediaPlaylist(text);
    const segments = await readSegments(playlist.segments, new URL(uri, url));
    const own = [
      ...checkMediaPlaylist(text),
      ...parseComplaints(text),
      ...(playlist.isVod ? [] : ["it is no recording"]),
      ...checkNames(playlist.segments),
      ...checkBandwidth(bandwidthBps, segments, playlist.targetDurationS),
      ...checkTimes(segments, { vide: 0, soun: AUDIO_HOLE_S, ...maxHoleS }),
    ];
    complaints.push(...own.map((complaint) => `${uri}, recorded: ${complaint}`));
    const durationS = segments.reduce((sum, segment) => sum + segment.durationS, 0);
    renditions.push({ uri, targetDurationS: playlist.targetDurationS, durationS, segments });
    loaded.push({ name: uri, playlist });
    media.push(segments);
  }
  complaints.push(...checkRenditions(loaded), ...checkStartsAcross(media));
  return { complaints, renditions };
}

/** Every segment that was made is there, one after the other, and called by its number. */
function checkNames(segments: readonly CheckedSegment[]): string[] {
  const stray = segments.find(({ uri, msn }, index) =>
    msn !== index + 1 || uri !== `seg-${msn}.m4s`
  );
  return stray === undefined ? [] : [`${stray.uri} is segment ${stray.msn}`];
}

function checkTimes(segments: readonly Media[], maxHoleS: Readonly<Record<string, number>>) {
  const starts = segments.map(({ uri: name, durationS, isDiscontinuous, spans }) => {
    const startS = (spans.get("vide") ?? spans.get("soun"))?.startS ?? Number.NaN;
    return { name, startS, durationS, isDiscontinuous };
  });
  return [
    ...checkStarts(starts),
    ...Object.entries(maxHoleS).flatMap(([handler, holeS]) =>
      checkContinuity(trackOf(segments, handler), holeS).map((found) => `${handler}: ${found}`)
    ),
  ];
}

/** A track's segments; one that has none of it does not end the run. */
function trackOf(segments: readonly Media[], handler: string) {
  let isDiscontinuous = false;
  return segments.flatMap((segment) => {
    isDiscontinuous ||= segment.isDiscontinuous;
    const span = segment.spans.get(handler);
    if (span === undefined) return [];
    const times = { name: segment.uri, ...span, isDiscontinuous };
    isDiscontinuous = false;
    return [times];
  });
}

function checkStartsAcross([first = [], ...others]: readonly Media[][]): string[] {
  const startOf = (segment?: Media) => segment?.spans.get("vide")?.startS;
  return first.flatMap((segment, index) => {
    const startsS = [segment, ...others.map((other) => other[index])].map(startOf);
    return checkEqualStarts(segment.uri, startsS.filter((startS) => startS !== undefined));
  });
}

async function readSegments(segments: readonly CheckedSegment[], base: URL): Promise<Media[]> {
  const media: Media[] = [];
  const inits = new Map<string, ReturnType<typeof readTrackClocks>>();
  for (const segment of segments) {
    const initUri = segment.initUri ?? "";
    const clocks = inits.get(initUri) ?? readTrackClocks(await bytesOf(new URL(initUri, base)));
    inits.set(initUri, clocks);
    const bytes = await bytesOf(new URL(segment.uri, base));
    const spans = new Map(
      [...readTrackSpans(bytes, clocks)].map(([trackId, span]) => [
        clocks.find((clock) => clock.trackId === trackId)?.handler ?? "",
        span,
      ]),
    );
    media.push({ ...segment, bytes: bytes.length, spans });
  }
  return media;
}

function parseComplaints(text: string): string[] {
  try {
    HLS.parse(text);
    return [];
  } catch (error) {
    return [`hls-parser: ${String(error)}`];
  }
}

async function textOf(url: string): Promise<string> {
  return new TextDecoder().decode(await bytesOf(new URL(url)));
}

async function bytesOf(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href} answered ${response.status}`);
  return await response.bytes();
}
