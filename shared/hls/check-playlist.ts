/**
 * A strict reader of playlists: every rule of the draft that a playlist of ours could break, each
 * breach as a sentence. Pure; used by tests and by `sluice probe`.
 * @see draft-pantos-hls-rfc8216bis-20
 */
import {
  attributeOf,
  type CheckedPart,
  type ParsedPlaylist,
  parseMediaPlaylist,
  type PlaylistLine,
  splitLines,
} from "./parse-playlist.ts";

/** A media playlist as it was read, and what is wrong with it. */
export type CheckedPlaylist = ParsedPlaylist & {
  /** Breaches of the draft. */
  readonly complaints: readonly string[];
  /** What the draft allows, but recommends otherwise. */
  readonly advice: readonly string[];
};

const ONCE = [
  "EXTM3U",
  "EXT-X-VERSION",
  "EXT-X-TARGETDURATION",
  "EXT-X-MEDIA-SEQUENCE",
  "EXT-X-DISCONTINUITY-SEQUENCE",
  "EXT-X-PLAYLIST-TYPE",
  "EXT-X-SERVER-CONTROL",
  "EXT-X-PART-INF",
  "EXT-X-SKIP",
  "EXT-X-ENDLIST",
];
const KNOWN = new Set([
  ...ONCE,
  "EXTINF",
  "EXT-X-BITRATE",
  "EXT-X-BYTERANGE",
  "EXT-X-DATERANGE",
  "EXT-X-DEFINE",
  "EXT-X-DISCONTINUITY",
  "EXT-X-GAP",
  "EXT-X-INDEPENDENT-SEGMENTS",
  "EXT-X-KEY",
  "EXT-X-MAP",
  "EXT-X-PROGRAM-DATE-TIME",
  "EXT-X-PART",
  "EXT-X-PRELOAD-HINT",
  "EXT-X-RENDITION-REPORT",
  "EXT-X-START",
]);
/** Containers that need no EXT-X-MAP. */
const SELF_CONTAINED = /\.(?:ts|aac|mp3|ac3|ec3|vtt|webvtt)(?:\?|$)/;
const WALL_CLOCK_TOLERANCE_MS = 2;

/** Every breach in a media playlist, and all advice; empty when there is none. */
export function checkMediaPlaylist(text: string): string[] {
  const { complaints, advice } = readMediaPlaylist(text);
  return [...complaints, ...advice];
}

/** Reads a media playlist as far as it goes. */
export function readMediaPlaylist(text: string): CheckedPlaylist {
  const complaints: string[] = [];
  const advice: string[] = [];
  const lines = splitLines(text);
  const playlist = { ...parseMediaPlaylist(lines), complaints, advice };
  checkFrame(text, complaints);
  checkTags(lines, complaints, advice);
  checkHead(playlist, lines, complaints);
  checkSegments(playlist, complaints);
  checkParts(playlist, complaints);
  checkEdge(playlist, lines, complaints);
  checkReports(playlist, complaints);
  return playlist;
}

function checkFrame(text: string, complaints: string[]): void {
  if (!/^#EXTM3U\r?\n/.test(text)) complaints.push("the first line is not #EXTM3U");
  if (!text.endsWith("\n")) complaints.push("the last line is cut off");
}

function checkTags(
  lines: readonly PlaylistLine[],
  complaints: string[],
  advice: string[],
): void {
  for (const tag of ONCE) {
    const count = lines.filter((line) => line.tag === tag).length;
    if (count > 1) complaints.push(`${tag} stands there ${count} times`);
  }
  // 6.3.1: a client ignores tags it does not know, so they may be there
  for (const { tag } of lines) if (!KNOWN.has(tag) && tag !== "") advice.push(`unknown ${tag}`);
  const first = lines.findIndex(({ tag }) => tag === "EXTINF" || tag === "EXT-X-PART");
  for (const tag of ["EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE"]) {
    // 4.4.3.2, 4.4.3.3
    if (lines.findLastIndex((line) => line.tag === tag) > first && first !== -1) {
      complaints.push(`${tag} comes after the first segment`);
    }
  }
}

const WHOLE_NUMBERS = new Set([
  "EXT-X-VERSION",
  "EXT-X-TARGETDURATION",
  "EXT-X-MEDIA-SEQUENCE",
  "EXT-X-DISCONTINUITY-SEQUENCE",
]);

function checkHead(
  { version, targetDurationS, partTargetS }: ParsedPlaylist,
  lines: readonly PlaylistLine[],
  complaints: string[],
): void {
  for (const { tag, value } of lines) {
    if (WHOLE_NUMBERS.has(tag) && !/^\d+$/.test(value)) {
      complaints.push(`${tag} is not a whole number: ${value}`);
    }
  }
  if (!(targetDurationS >= 1)) complaints.push("EXT-X-TARGETDURATION is missing or 0");
  const has = (tag: string) => lines.some((line) => line.tag === tag);
  if (version < 6 && has("EXT-X-MAP")) {
    complaints.push(`EXT-X-VERSION:${version} does not allow EXT-X-MAP`);
  }
  if (version < 9 && has("EXT-X-SKIP")) complaints.push("EXT-X-SKIP needs version 9");
  if (partTargetS !== null && !(partTargetS > 0)) {
    complaints.push(`EXT-X-PART-INF has the PART-TARGET ${partTargetS}`);
  }
}

function checkSegments(playlist: ParsedPlaylist, complaints: string[]): void {
  const uris = new Set<string>();
  for (const { msn, uri, durationS, initUri, wallClockMs } of playlist.segments) {
    if (Number.isNaN(durationS)) complaints.push(`segment ${msn} has no EXTINF`);
    if (durationS <= 0) complaints.push(`segment ${msn} lasts ${durationS} s`);
    // 4.4.3.1: rounded to the nearest integer, no segment is longer than the target duration
    if (Math.round(durationS) > playlist.targetDurationS) {
      complaints.push(
        `segment ${msn} lasts ${durationS} s, the target is ${playlist.targetDurationS}`,
      );
    }
    if (initUri === null && playlist.skipped === 0 && !SELF_CONTAINED.test(uri)) {
      complaints.push(`segment ${msn} has no EXT-X-MAP before it`);
    }
    if (wallClockMs !== null && Number.isNaN(wallClockMs)) {
      complaints.push(`segment ${msn} has a malformed EXT-X-PROGRAM-DATE-TIME`);
    }
    if (uris.has(uri) && !playlist.hasByteRanges) complaints.push(`${uri} is listed twice`);
    uris.add(uri);
  }
  checkWallClock(playlist, complaints);
}

/** Within one timeline the wall clock runs as the segments do, the open one included. */
function checkWallClock({ segments, openHead }: ParsedPlaylist, complaints: string[]): void {
  const open = { ...openHead, msn: (segments.at(-1)?.msn ?? 0) + 1 };
  for (const [index, segment] of [...segments, open].entries()) {
    const before = segments[index - 1];
    if (before === undefined || segment.isDiscontinuous) continue;
    if (before.wallClockMs === null || segment.wallClockMs === null) continue;
    const offMs = segment.wallClockMs - before.wallClockMs - before.durationS * 1000;
    if (Math.abs(offMs) > WALL_CLOCK_TOLERANCE_MS) {
      complaints.push(`the wall clock of segment ${segment.msn} is ${Math.round(offMs)} ms off`);
    }
  }
}

function checkParts(playlist: ParsedPlaylist, complaints: string[]): void {
  const { partTargetS, segments, openParts } = playlist;
  if (partTargetS === null) {
    if (openParts.length > 0 || segments.some(({ parts }) => parts.length > 0)) {
      complaints.push("EXT-X-PART without EXT-X-PART-INF");
    }
    return;
  }
  for (const { msn, durationS, parts } of segments) {
    const sumS = parts.reduce((sum, part) => sum + part.durationS, 0);
    if (parts.length > 0 && Math.abs(sumS - durationS) > 0.002) {
      complaints.push(`segment ${msn} lasts ${durationS} s, its parts ${sumS} s`);
    }
    checkPartDurations(parts, partTargetS, complaints);
  }
  checkPartDurations([...openParts, null], partTargetS, complaints);
}

/** 4.4.4.9: none above PART-TARGET, all but a segment's last at least 85 % of it. */
function checkPartDurations(
  parts: readonly (CheckedPart | null)[],
  partTargetS: number,
  complaints: string[],
): void {
  for (const [index, part] of parts.entries()) {
    if (part === null) continue;
    if (part.uri === "") complaints.push("a part without a URI");
    if (!(part.durationS > 0)) complaints.push(`${part.uri} lasts ${part.durationS} s`);
    if (part.durationS > partTargetS + 0.0001) {
      complaints.push(`${part.uri} lasts ${part.durationS} s, above PART-TARGET ${partTargetS}`);
    }
    const isLast = index === parts.length - 1;
    if (!isLast && part.durationS < partTargetS * 0.85) {
      complaints.push(`${part.uri} lasts ${part.durationS} s, below 85 % of ${partTargetS}`);
    }
  }
}

function checkEdge(
  playlist: ParsedPlaylist,
  lines: readonly PlaylistLine[],
  complaints: string[],
): void {
  const { isEnded, isVod, partTargetS, preloadHintUri, segments } = playlist;
  if (isVod && !isEnded) complaints.push("a VOD playlist without EXT-X-ENDLIST");
  if (isVod && segments.length === 0) complaints.push("a VOD playlist without segments");
  if (isEnded && preloadHintUri !== null) complaints.push("a preload hint after the end");
  checkServerControl(playlist, complaints);
  if (partTargetS === null) return;
  const hints = lines.filter(({ tag, value }) =>
    tag === "EXT-X-PRELOAD-HINT" && attributeOf(value, "TYPE") === "PART"
  );
  // 4.4.5.3: one hint of each type
  if (hints.length > 1) complaints.push(`${hints.length} hints of one type`);
  if (!isEnded && preloadHintUri === null) complaints.push("parts without EXT-X-PRELOAD-HINT");
  const listed = segments.flatMap(({ parts }) => parts).concat(playlist.openParts);
  if (!playlist.hasByteRanges && listed.some(({ uri }) => uri === preloadHintUri)) {
    complaints.push("the hint is listed already");
  }
}

/** 4.4.3.8 */
function checkServerControl(playlist: ParsedPlaylist, complaints: string[]): void {
  const { serverControl, partTargetS, targetDurationS, isEnded } = playlist;
  const { holdBackS, partHoldBackS, canSkipUntilS, canBlockReload } = serverControl;
  if (canSkipUntilS !== null && canSkipUntilS < 6 * targetDurationS) {
    complaints.push(`CAN-SKIP-UNTIL ${canSkipUntilS} is below 6 × ${targetDurationS}`);
  }
  if (holdBackS !== null && holdBackS < 3 * targetDurationS - 1e-6) {
    complaints.push(`HOLD-BACK ${holdBackS} is below 3 × ${targetDurationS}`);
  }
  if (partTargetS === null) return;
  if ((partHoldBackS ?? 0) < 3 * partTargetS - 1e-6) {
    complaints.push(`PART-HOLD-BACK ${partHoldBackS ?? 0} is below 3 × PART-TARGET ${partTargetS}`);
  }
  // Appendix B.1
  if (!isEnded && !canBlockReload) complaints.push("parts without CAN-BLOCK-RELOAD=YES");
}

/** 4.4.5.4 */
function checkReports({ reports, partTargetS }: ParsedPlaylist, complaints: string[]): void {
  for (const { uri, lastMsn, lastPart } of reports) {
    if (uri === "") complaints.push("a rendition report without a URI");
    if (Number.isNaN(lastMsn)) complaints.push(`the report of ${uri} has no LAST-MSN`);
    if (partTargetS !== null && lastPart === null) {
      complaints.push(`the report of ${uri} has no LAST-PART`);
    }
  }
}
