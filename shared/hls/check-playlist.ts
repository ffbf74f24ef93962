/**
 * A strict reader of playlists: every rule of the draft that a playlist of ours could break, each
 * breach as a sentence. Pure; used by tests and by `sluice probe`.
 * @see draft-pantos-hls-rfc8216bis-20
 */

type Line = { readonly tag: string; readonly value: string };

export type CheckedPart = {
  readonly uri: string;
  readonly durationS: number;
  readonly isIndependent: boolean;
};

export type CheckedSegment = {
  readonly msn: number;
  readonly uri: string;
  readonly durationS: number;
  readonly isDiscontinuous: boolean;
  readonly initUri: string | null;
  readonly wallClockMs: number | null;
  readonly parts: readonly CheckedPart[];
};

/** A media playlist as it was read, and what is wrong with it. */
export type CheckedPlaylist = {
  readonly targetDurationS: number;
  readonly partTargetS: number | null;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly skipped: number;
  readonly segments: readonly CheckedSegment[];
  readonly openParts: readonly CheckedPart[];
  readonly preloadHintUri: string | null;
  readonly isEnded: boolean;
  readonly isVod: boolean;
  readonly complaints: readonly string[];
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
  "EXT-X-DISCONTINUITY",
  "EXT-X-MAP",
  "EXT-X-PROGRAM-DATE-TIME",
  "EXT-X-PART",
  "EXT-X-PRELOAD-HINT",
  "EXT-X-RENDITION-REPORT",
]);

/** Every breach in a media playlist; empty when there is none. */
export function checkMediaPlaylist(text: string): string[] {
  return [...readMediaPlaylist(text).complaints];
}

/** Reads a media playlist as far as it goes. */
export function readMediaPlaylist(text: string): CheckedPlaylist {
  const complaints: string[] = [];
  const lines = splitLines(text, complaints);
  for (const tag of ONCE) {
    const count = lines.filter((line) => line.tag === tag).length;
    if (count > 1) complaints.push(`${tag} stands there ${count} times`);
  }
  for (const { tag } of lines) if (!KNOWN.has(tag) && tag !== "") complaints.push(`unknown ${tag}`);
  const head = readHead(lines, complaints);
  const body = readBody(lines, head);
  const playlist = { ...head, ...body, complaints };
  checkSegments(playlist, complaints);
  checkParts(playlist, complaints);
  checkEdge(playlist, lines, complaints);
  return playlist;
}

type Head = Pick<
  CheckedPlaylist,
  | "targetDurationS"
  | "partTargetS"
  | "mediaSequence"
  | "discontinuitySequence"
  | "skipped"
  | "isEnded"
  | "isVod"
>;

function splitLines(text: string, complaints: string[]): Line[] {
  if (!text.startsWith("#EXTM3U\n")) complaints.push("the first line is not #EXTM3U");
  if (!text.endsWith("\n")) complaints.push("the last line is cut off");
  return text.split("\n").filter((line) => line !== "").map((line) => {
    if (!line.startsWith("#")) return { tag: "", value: line };
    const colon = line.indexOf(":");
    if (colon === -1) return { tag: line.slice(1), value: "" };
    return { tag: line.slice(1, colon), value: line.slice(colon + 1) };
  });
}

function readHead(lines: readonly Line[], complaints: string[]): Head {
  const number = (tag: string, fallback: number) => {
    const value = lines.find((line) => line.tag === tag)?.value;
    if (value === undefined) return fallback;
    if (!/^\d+$/.test(value)) complaints.push(`${tag} is not a whole number: ${value}`);
    return Number(value);
  };
  const version = number("EXT-X-VERSION", 1);
  const targetDurationS = number("EXT-X-TARGETDURATION", 0);
  if (targetDurationS < 1) complaints.push("EXT-X-TARGETDURATION is missing or 0");
  if (version < 6) complaints.push(`EXT-X-VERSION:${version} does not allow EXT-X-MAP`);
  const partInf = lines.find((line) => line.tag === "EXT-X-PART-INF");
  const skip = lines.find((line) => line.tag === "EXT-X-SKIP");
  if (skip !== undefined && version < 9) complaints.push("EXT-X-SKIP needs version 9");
  return {
    targetDurationS,
    partTargetS: partInf === undefined ? null : Number(attribute(partInf.value, "PART-TARGET")),
    mediaSequence: number("EXT-X-MEDIA-SEQUENCE", 0),
    discontinuitySequence: number("EXT-X-DISCONTINUITY-SEQUENCE", 0),
    skipped: Number(attribute(skip?.value ?? "", "SKIPPED-SEGMENTS") ?? 0),
    isEnded: lines.some((line) => line.tag === "EXT-X-ENDLIST"),
    isVod: lines.some((line) => line.tag === "EXT-X-PLAYLIST-TYPE" && line.value === "VOD"),
  };
}

type Body = Pick<CheckedPlaylist, "segments" | "openParts" | "preloadHintUri">;

function readBody(lines: readonly Line[], head: Head): Body {
  const segments: CheckedSegment[] = [];
  let initUri: string | null = null;
  let preloadHintUri: string | null = null;
  let next = freshSegment();
  for (const { tag, value } of lines) {
    if (tag === "EXT-X-MAP") initUri = attribute(value, "URI");
    if (tag === "EXT-X-DISCONTINUITY") next.isDiscontinuous = true;
    if (tag === "EXT-X-PROGRAM-DATE-TIME") next.wallClockMs = Date.parse(value);
    if (tag === "EXT-X-PRELOAD-HINT") preloadHintUri = attribute(value, "URI");
    if (tag === "EXT-X-PART") next.parts.push(readPart(value));
    if (tag === "EXTINF") next.durationS = Number(value.split(",")[0]);
    if (tag !== "") continue;
    const msn = head.mediaSequence + head.skipped + segments.length;
    segments.push({ ...next, msn, uri: value, initUri });
    next = freshSegment();
  }
  return { segments, openParts: next.parts, preloadHintUri };
}

function freshSegment() {
  return {
    isDiscontinuous: false,
    wallClockMs: null as number | null,
    parts: [] as CheckedPart[],
    durationS: Number.NaN,
  };
}

function readPart(value: string): CheckedPart {
  return {
    uri: attribute(value, "URI") ?? "",
    durationS: Number(attribute(value, "DURATION")),
    isIndependent: attribute(value, "INDEPENDENT") === "YES",
  };
}

function checkSegments(playlist: CheckedPlaylist, complaints: string[]): void {
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
    if (initUri === null) complaints.push(`segment ${msn} has no EXT-X-MAP before it`);
    if (wallClockMs !== null && Number.isNaN(wallClockMs)) {
      complaints.push(`segment ${msn} has a malformed EXT-X-PROGRAM-DATE-TIME`);
    }
    if (uris.has(uri)) complaints.push(`${uri} is listed twice`);
    uris.add(uri);
  }
  checkWallClock(playlist.segments, complaints);
}

/** Within one timeline the wall clock runs as the segments do. */
function checkWallClock(segments: readonly CheckedSegment[], complaints: string[]): void {
  for (const [index, segment] of segments.entries()) {
    const before = segments[index - 1];
    if (before === undefined || segment.isDiscontinuous) continue;
    if (before.wallClockMs === null || segment.wallClockMs === null) continue;
    const offMs = segment.wallClockMs - before.wallClockMs - before.durationS * 1000;
    if (Math.abs(offMs) > 2) {
      complaints.push(`the wall clock of segment ${segment.msn} is ${Math.round(offMs)} ms off`);
    }
  }
}

function checkParts(playlist: CheckedPlaylist, complaints: string[]): void {
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
    if (part.durationS > partTargetS + 0.0001) {
      complaints.push(`${part.uri} lasts ${part.durationS} s, above PART-TARGET ${partTargetS}`);
    }
    const isLast = index === parts.length - 1;
    if (!isLast && part.durationS < partTargetS * 0.85) {
      complaints.push(`${part.uri} lasts ${part.durationS} s, below 85 % of ${partTargetS}`);
    }
  }
}

function checkEdge(playlist: CheckedPlaylist, lines: readonly Line[], complaints: string[]): void {
  const { isEnded, isVod, partTargetS, preloadHintUri, targetDurationS, segments } = playlist;
  if (isVod && !isEnded) complaints.push("a VOD playlist without EXT-X-ENDLIST");
  if (isVod && playlist.mediaSequence !== 0) complaints.push("a VOD playlist does not begin at 0");
  if (isVod && segments.length === 0) complaints.push("a VOD playlist without segments");
  if (isEnded && preloadHintUri !== null) complaints.push("a preload hint after the end");
  const control = lines.find((line) => line.tag === "EXT-X-SERVER-CONTROL")?.value ?? "";
  if (partTargetS === null) return;
  if (!isEnded && preloadHintUri === null) complaints.push("parts without EXT-X-PRELOAD-HINT");
  const holdBackS = Number(attribute(control, "PART-HOLD-BACK") ?? 0);
  if (holdBackS < 3 * partTargetS - 1e-6) {
    complaints.push(`PART-HOLD-BACK ${holdBackS} is below 3 × PART-TARGET ${partTargetS}`);
  }
  const skipUntil = attribute(control, "CAN-SKIP-UNTIL");
  if (skipUntil !== null && Number(skipUntil) < 6 * targetDurationS) {
    complaints.push(`CAN-SKIP-UNTIL ${skipUntil} is below 6 × ${targetDurationS}`);
  }
  const listed = segments.flatMap(({ parts }) => parts).concat(playlist.openParts);
  if (listed.some(({ uri }) => uri === preloadHintUri)) {
    complaints.push("the hint is listed already");
  }
}

/** What a later load of a live playlist breaks of the promises of an earlier one. */
export function checkReload(before: string, after: string): string[] {
  const [old, now] = [readMediaPlaylist(before), readMediaPlaylist(after)];
  const complaints: string[] = [];
  if (now.isVod) return complaints;
  for (const name of ["mediaSequence", "discontinuitySequence"] as const) {
    if (now[name] < old[name]) {
      complaints.push(`${name} went back from ${old[name]} to ${now[name]}`);
    }
  }
  for (const name of ["targetDurationS", "partTargetS"] as const) {
    if (now[name] !== old[name]) {
      complaints.push(`${name} changed from ${String(old[name])} to ${String(now[name])}`);
    }
  }
  const lastOld = old.mediaSequence + old.skipped + old.segments.length;
  if (now.mediaSequence + now.skipped + now.segments.length < lastOld) {
    complaints.push("segments vanished from the end");
  }
  for (const segment of now.segments) {
    const same = old.segments.find(({ msn }) => msn === segment.msn);
    if (same === undefined) continue;
    if (same.uri !== segment.uri || same.durationS !== segment.durationS) {
      complaints.push(`segment ${segment.msn} changed`);
    }
    if (same.isDiscontinuous !== segment.isDiscontinuous) {
      complaints.push(`the discontinuity of segment ${segment.msn} changed`);
    }
  }
  return complaints;
}

const CODECS = /^(?:avc1\.[0-9a-f]{6}|mp4a\.40\.\d{1,2})(?:,(?:mp4a\.40\.\d{1,2}))?$/;

/** Every breach in a multivariant playlist; empty when there is none. */
export function checkMultivariant(text: string): string[] {
  const complaints: string[] = [];
  const lines = splitLines(text, complaints);
  let variants = 0;
  for (const [index, { tag, value }] of lines.entries()) {
    if (tag !== "EXT-X-STREAM-INF") continue;
    variants += 1;
    checkVariant(value, complaints);
    if (lines[index + 1]?.tag !== "") complaints.push("a variant without its URI in the next line");
  }
  if (variants === 0) complaints.push("there are no variants");
  if (lines.some(({ tag }) => tag === "EXTINF")) complaints.push("it lists media segments");
  return complaints;
}

function checkVariant(value: string, complaints: string[]): void {
  const peak = Number(attribute(value, "BANDWIDTH"));
  const average = Number(attribute(value, "AVERAGE-BANDWIDTH"));
  const codecs = attribute(value, "CODECS") ?? "";
  if (!(peak > 0)) complaints.push(`BANDWIDTH is ${peak}`);
  if (!(average > 0) || average > peak) {
    complaints.push(`AVERAGE-BANDWIDTH is ${average}, BANDWIDTH ${peak}`);
  }
  if (!CODECS.test(codecs)) complaints.push(`CODECS is ${JSON.stringify(codecs)}`);
  const hasVideo = codecs.startsWith("avc1");
  if (hasVideo && !/^\d+x\d+$/.test(attribute(value, "RESOLUTION") ?? "")) {
    complaints.push("a variant with video has no RESOLUTION");
  }
}

/** The value of one attribute of an attribute list, without its quotes; null when it is not there. */
function attribute(list: string, name: string): string | null {
  for (const match of list.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^",]*))(?:,|$)/g)) {
    if (match[1] === name) return match[2] ?? match[3] ?? null;
  }
  return null;
}
