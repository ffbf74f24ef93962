/**
 * The playlists of a finished recording. Pure: what was stored in, texts out.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { BandwidthMeter } from "../hls/bandwidth-meter.ts";
import { FIRST_MSN } from "../hls/msn.ts";
import {
  renderMultivariant,
  renderVodPlaylist,
  type SegmentEntry,
  type Variant,
} from "../hls/playlist.ts";
import type { RecordedBroadcast, RecordedRendition, StoredSegment } from "./journal.ts";

export type VodPlaylists = {
  readonly multivariant: string;
  readonly media: readonly { readonly rendition: RenditionName; readonly text: string }[];
  /** The broadcast whose URL the media playlists live under. */
  readonly epoch: number;
  readonly durationMs: number;
  /** Bytes of all segments, listed or not. */
  readonly bytes: number;
};

/** A rendition that has less than this of the longest one would cut the recording short. */
const MIN_SHARE = 0.9;

/**
 * The playlists of all broadcasts into a video, oldest first, one after the other; null when nothing
 * was stored. Renditions list the same times: what one of them lost, none of them lists.
 */
export function planVod(broadcasts: readonly RecordedBroadcast[]): VodPlaylists | null {
  const stored = broadcasts.filter(({ renditions }) => renditions.length > 0).map(alignRenditions);
  const newest = stored.at(-1);
  if (newest === undefined) return null;
  const names = namesInAll(stored);
  const usable = names.length > 0 ? stored : [newest];
  const shown = names.length > 0 ? names : newest.renditions.map(({ name }) => name);
  const targetDurationS = Math.max(...usable.map(({ header }) => header.targetDurationS));
  const { epoch, videoUrl } = newest.header;
  const media = shown.map((name) => {
    const runs = usable.map((broadcast) => runOf(broadcast, name, epoch));
    return { name, runs, targetDurationS };
  });
  const [first] = media;
  return {
    epoch,
    media: media.map(({ name, runs }) => ({
      rendition: name,
      text: renderVodPlaylist({
        targetDurationS,
        mediaSequence: firstMsnOf(runs),
        segments: entriesOf(runs),
      }),
    })),
    multivariant: renderMultivariant(
      media.map((one) => variantOf(one, `${videoUrl}/${epoch}/${one.name}/index.m3u8`)),
      {
        isIndependent: segmentsOf(media).every((segment) => segment.isIndependent),
        captions: segmentsOf(media).some((segment) => segment.hasCaptions) ? "some" : "none",
      },
    ),
    durationMs: Math.round(
      1000 * sum(first?.runs.flatMap((run) => run.segments) ?? [], "durationS"),
    ),
    bytes: sum(
      broadcasts.flatMap(({ renditions }) => renditions.flatMap(({ segments }) => segments)),
      "bytes",
    ),
  };
}

function segmentsOf(media: readonly { readonly runs: readonly Run[] }[]): StoredSegment[] {
  return media.flatMap(({ runs }) => runs.flatMap(({ segments }) => segments));
}

function alignRenditions({ header, renditions }: RecordedBroadcast): RecordedBroadcast {
  const durations = renditions.map(({ segments }) => sum(segments, "durationS"));
  const longestS = Math.max(...durations);
  const kept = renditions.filter((_, index) => (durations[index] ?? 0) >= longestS * MIN_SHARE);
  return { header, renditions: leaveOutHoles(kept) };
}

/** What is left out of one rendition is a hole for the others in its turn: until nothing is. */
function leaveOutHoles(renditions: readonly RecordedRendition[]): readonly RecordedRendition[] {
  const holes = mergeHoles(renditions.flatMap(({ segments }) => holesOf(segments)));
  const shown = renditions.map((rendition) => ({
    ...rendition,
    segments: segmentsOutside(holes, rendition.segments),
  }));
  const isSame = shown.every(({ segments }, index) =>
    segments.length === renditions[index]?.segments.length
  );
  return isSame ? renditions : leaveOutHoles(shown);
}

type Hole = { readonly fromS: number; readonly untilS: number };

/** Renditions are cut at the same times but for this much, and across it run on without a hole. */
const TOLERANCE_S = 0.1;

/** Times before the end of a rendition of which it has nothing. */
function holesOf(segments: readonly StoredSegment[]): Hole[] {
  return segments.flatMap(({ startS }, index) => {
    const before = segments[index - 1];
    const fromS = before === undefined ? -Infinity : before.startS + before.durationS;
    return startS - fromS > TOLERANCE_S ? [{ fromS, untilS: startS }] : [];
  });
}

/** The same times, in order and without overlap. */
function mergeHoles(holes: readonly Hole[]): Hole[] {
  const merged: Hole[] = [];
  for (const hole of holes.toSorted((one, other) => one.fromS - other.fromS)) {
    const last = merged.at(-1);
    if (last === undefined || hole.fromS > last.untilS) merged.push(hole);
    else merged.splice(-1, 1, { ...last, untilS: Math.max(last.untilS, hole.untilS) });
  }
  return merged;
}

/** Both are in order, so one pass is enough. */
function segmentsOutside(
  holes: readonly Hole[],
  segments: readonly StoredSegment[],
): StoredSegment[] {
  let next = 0;
  return segments.filter(({ startS, durationS }) => {
    while (startS + TOLERANCE_S >= (holes[next]?.untilS ?? Infinity)) next += 1;
    return startS + durationS - TOLERANCE_S <= (holes[next]?.fromS ?? Infinity);
  });
}

function namesInAll(broadcasts: readonly RecordedBroadcast[]): RenditionName[] {
  const [first, ...others] = broadcasts;
  const hasRendition = (broadcast: RecordedBroadcast, name: RenditionName) =>
    broadcast.renditions.some((rendition) => rendition.name === name);
  return (first?.renditions ?? [])
    .map(({ name }) => name)
    .filter((name) => others.every((broadcast) => hasRendition(broadcast, name)));
}

type Run = {
  readonly segments: readonly StoredSegment[];
  readonly inits: RecordedRendition["inits"];
  readonly uriPrefix: string;
  readonly wallClockAtZeroMs: number;
};

function runOf(broadcast: RecordedBroadcast, name: RenditionName, epoch: number): Run {
  const rendition = broadcast.renditions.find((one) => one.name === name);
  const { header } = broadcast;
  return {
    segments: rendition?.segments ?? [],
    inits: rendition?.inits ?? [],
    uriPrefix: header.epoch === epoch ? "" : `../../${header.epoch}/${name}/`,
    wallClockAtZeroMs: header.wallClockAtZeroMs,
  };
}

/** The number its first segment had while it was live, so that a player that reloads finds its place. */
function firstMsnOf(runs: readonly Run[]): number {
  return runs.find(({ segments }) => segments.length > 0)?.segments[0]?.msn ?? FIRST_MSN;
}

function entriesOf(runs: readonly Run[]): SegmentEntry[] {
  const entries = runs.flatMap((run) =>
    run.segments.map((segment, index): SegmentEntry => ({
      isDiscontinuous: segment.isDiscontinuous || run.segments[index - 1]?.msn !== segment.msn - 1,
      initUri: `${run.uriPrefix}init-${segment.initNumber}.mp4`,
      wallClockMs: segment.wallClockMs ??
        Math.round(run.wallClockAtZeroMs + segment.startS * 1000),
      uri: `${run.uriPrefix}seg-${segment.msn}.m4s`,
      durationS: segment.durationS,
      parts: [],
    }))
  );
  const [first, ...rest] = entries;
  return first === undefined ? [] : [{ ...first, isDiscontinuous: false }, ...rest];
}

type Media = { readonly runs: readonly Run[]; readonly targetDurationS: number };

function variantOf(media: Media, uri: string): Variant {
  const meter = new BandwidthMeter(media.targetDurationS);
  for (const { segments } of media.runs) for (const segment of segments) meter.note(segment);
  const inits = media.runs.flatMap((run) => run.inits);
  const largest = inits.toSorted((one, other) => (other.width ?? 0) - (one.width ?? 0))[0];
  return {
    uri,
    bandwidthBps: meter.peakBps,
    averageBandwidthBps: meter.averageBps,
    codecs: [...new Set(inits.flatMap(({ codecs }) => codecs))],
    width: largest?.width ?? null,
    height: largest?.height ?? null,
    fps: meter.fps,
  };
}

function sum<Key extends string>(items: readonly Record<Key, number>[], key: Key): number {
  return items.reduce((total, item) => total + item[key], 0);
}
