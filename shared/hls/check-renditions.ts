/**
 * What renditions of one presentation must have in common.
 * @see draft-pantos-hls-rfc8216bis-20
 */
import { type CheckedPlaylist } from "./check-playlist.ts";
import { endOf } from "./check-reload.ts";
import type { CheckedSegment } from "./parse-playlist.ts";

/** A media playlist under the name it shall have in complaints. */
export type NamedPlaylist = { readonly name: string; readonly playlist: CheckedPlaylist };

const SAME_MS = 20;
const SAME_S = 0.02;

/**
 * 6.2.4: equal target durations and, where two of them list the same time, segments that begin and
 * end together and are discontinuous together. `playlists` were loaded at about the same time.
 */
export function checkRenditions(playlists: readonly NamedPlaylist[]): string[] {
  const [first, ...others] = playlists;
  if (first === undefined) return [];
  return others.flatMap((other) => comparePair(first, other));
}

function comparePair(one: NamedPlaylist, other: NamedPlaylist): string[] {
  const complaints: string[] = [];
  for (const name of ["targetDurationS", "partTargetS"] as const) {
    const [a, b] = [one.playlist[name], other.playlist[name]];
    if (a !== b) complaints.push(`${name} is ${a} in ${one.name}, ${b} in ${other.name}`);
  }
  const bounds = boundsOf(other.playlist.segments);
  for (const segment of one.playlist.segments) {
    if (!isWithin(segment, bounds)) continue;
    const twin = findTwin(segment, other.playlist.segments);
    const what = `segment ${segment.msn} of ${one.name}`;
    if (twin === undefined) complaints.push(`${what} begins with none of ${other.name}`);
    else complaints.push(...compareTwins(what, segment, twin, other.name));
  }
  return complaints;
}

function compareTwins(
  what: string,
  segment: CheckedSegment,
  twin: CheckedSegment,
  otherName: string,
): string[] {
  const complaints: string[] = [];
  if (Math.abs(segment.durationS - twin.durationS) > SAME_S) {
    const lasts = `lasts ${segment.durationS} s, in ${otherName} ${twin.durationS} s`;
    complaints.push(`${what} ${lasts}`);
  }
  if (segment.isDiscontinuous !== twin.isDiscontinuous) {
    complaints.push(`${what} is discontinuous, or its twin in ${otherName} is, but not both`);
  }
  return complaints;
}

type Bounds = { readonly fromMs: number; readonly toMs: number } | null;

/** The time the wall clocks of `segments` span; null when they have none. */
function boundsOf(segments: readonly CheckedSegment[]): Bounds {
  const clocks = segments.flatMap(({ wallClockMs }) => wallClockMs ?? []);
  if (clocks.length === 0) return null;
  return { fromMs: Math.min(...clocks) - SAME_MS, toMs: Math.max(...clocks) + SAME_MS };
}

function isWithin({ wallClockMs }: CheckedSegment, bounds: Bounds): boolean {
  if (bounds === null || wallClockMs === null) return false;
  return wallClockMs >= bounds.fromMs && wallClockMs <= bounds.toMs;
}

function findTwin(
  { wallClockMs }: CheckedSegment,
  others: readonly CheckedSegment[],
): CheckedSegment | undefined {
  return others.find((other) =>
    other.wallClockMs !== null && wallClockMs !== null &&
    Math.abs(other.wallClockMs - wallClockMs) <= SAME_MS
  );
}

/** The last line of a playlist: its segment, and its last part when it lists any. */
export type Edge = { readonly msn: number; readonly part: number | null };

export function edgeOf(playlist: CheckedPlaylist): Edge {
  const end = endOf(playlist);
  if (playlist.openParts.length > 0) return { msn: end, part: playlist.openParts.length - 1 };
  const parts = playlist.segments.at(-1)?.parts.length ?? 0;
  return { msn: end - 1, part: parts === 0 ? null : parts - 1 };
}

/**
 * 4.4.5.4: what `playlist` reports about another rendition, of which `before` was loaded earlier and
 * `after` later: it lies between the two.
 */
export function checkReport(
  playlist: CheckedPlaylist,
  other: {
    readonly url: string;
    readonly before: CheckedPlaylist;
    readonly after: CheckedPlaylist;
  },
  url: string,
): string[] {
  if (playlist.partTargetS === null || playlist.isEnded) return [];
  const report = playlist.reports.find(({ uri }) =>
    withoutQuery(new URL(uri, url)) === withoutQuery(new URL(other.url))
  );
  // Appendix B.1: low-latency playlists report on every other one
  if (report === undefined) return [`there is no report of ${other.url}`];
  const told = { msn: report.lastMsn, part: report.lastPart };
  const [least, most] = [edgeOf(other.before), edgeOf(other.after)];
  if (isBefore(told, least) || isBefore(most, told)) {
    const said = `${told.msn}/${told.part} is reported of ${other.url}`;
    return [`${said}, it is between ${least.msn}/${least.part} and ${most.msn}/${most.part}`];
  }
  return [];
}

function withoutQuery(url: URL): string {
  return url.origin + url.pathname;
}

function isBefore(one: Edge, other: Edge): boolean {
  if (one.msn !== other.msn) return one.msn < other.msn;
  return (one.part ?? 0) < (other.part ?? 0);
}
