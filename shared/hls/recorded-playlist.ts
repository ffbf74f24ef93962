/**
 * The playlists of recordings as they lie in storage: read with the keys of what they name, cut to a
 * part of them, written again. Pure.
 *
 * `videos/<url>/index.m3u8` is served as `/hls-live/<url>.m3u8`, and everything below `videos/<url>/`
 * as what lies below `/hls-live/<url>/`; so URIs lead to keys.
 * @see draft-pantos-hls-rfc8216bis-20
 */
import { isStorageKey } from "../storage/port.ts";

const ROOT = "videos/";

/** The key of the multivariant playlist of a recording or a clip. */
export const recordingKey = (url: string) => `${ROOT}${url}/index.m3u8`;

/** The text is not a playlist of ours. */
export class RecordedPlaylistError extends Error {
  override readonly name = "RecordedPlaylistError";
}

export type RecordedSegment = {
  /** Storage key of its bytes, and of the init segment in front of them. */
  readonly key: string;
  readonly initKey: string;
  readonly durationS: number;
  readonly isDiscontinuous: boolean;
  /** Wall clock of its first frame, Unix ms. */
  readonly wallClockMs: number | null;
  /** What playback adds to the times in it, in ms. */
  readonly shiftMs: number;
};

export type RecordedPlaylist = {
  readonly targetDurationS: number;
  readonly segments: readonly RecordedSegment[];
};

/** A rendition as the multivariant playlist offers it. */
export type RecordedVariant = {
  /** The attributes of EXT-X-STREAM-INF, as they stand there. */
  readonly attributes: string;
  readonly bandwidthBps: number;
  /** Storage key of its media playlist. */
  readonly key: string;
};

export type RecordedVariants = {
  readonly isIndependent: boolean;
  readonly variants: readonly RecordedVariant[];
};

/** The renditions of a recording, in the playlist's order. @throws RecordedPlaylistError */
export function parseRecordedVariants(text: string): RecordedVariants {
  const lines = linesOf(text);
  const variants = lines.flatMap((line, index): RecordedVariant[] => {
    if (!line.startsWith("#EXT-X-STREAM-INF:")) return [];
    const attributes = line.slice(line.indexOf(":") + 1);
    const [, bandwidth = "0"] = /(?:^|,)BANDWIDTH=(\d+)/.exec(attributes) ?? [];
    const key = resolveKey(ROOT, lines[index + 1] ?? "");
    return [{ attributes, bandwidthBps: Number(bandwidth), key }];
  });
  if (variants.length === 0) throw new RecordedPlaylistError("the playlist names no rendition");
  return { isIndependent: lines.includes("#EXT-X-INDEPENDENT-SEGMENTS"), variants };
}

/** The segments of the media playlist that lies under `key`. @throws RecordedPlaylistError */
export function parseRecordedPlaylist(text: string, key: string): RecordedPlaylist {
  const folder = folderOf(key);
  const segments: RecordedSegment[] = [];
  let targetDurationS = 0;
  let initKey = "";
  let durationS = Number.NaN;
  let isDiscontinuous = false;
  let wallClockMs: number | null = null;
  for (const line of linesOf(text)) {
    const value = line.slice(line.indexOf(":") + 1);
    if (line.startsWith("#EXT-X-TARGETDURATION:")) targetDurationS = Number(value);
    else if (line === "#EXT-X-DISCONTINUITY") isDiscontinuous = true;
    else if (line.startsWith("#EXT-X-MAP:")) {
      initKey = resolveKey(folder, /URI="([^"]*)"/.exec(value)?.[1] ?? "");
    } else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) wallClockMs = Date.parse(value);
    else if (line.startsWith("#EXTINF:")) durationS = Number.parseFloat(value);
    else if (!line.startsWith("#")) {
      const key = resolveKey(folder, line);
      const shiftMs = Number(/[?&]shift=(-?\d+)/.exec(line)?.[1] ?? 0);
      segments.push({ key, initKey, durationS, isDiscontinuous, wallClockMs, shiftMs });
      durationS = Number.NaN;
      isDiscontinuous = false;
      wallClockMs = null;
    }
  }
  if (segments.some(({ initKey, durationS }) => initKey === "" || !(durationS >= 0))) {
    throw new RecordedPlaylistError("a segment has no EXT-X-MAP or no EXTINF");
  }
  return { targetDurationS, segments };
}

/** How long it plays. */
export function durationOf({ segments }: Pick<RecordedPlaylist, "segments">): number {
  return segments.reduce((sum, { durationS }) => sum + durationS, 0);
}

/** Seconds from the start of a recording. */
export type Span = { readonly startS: number; readonly endS: number };

/** A boundary this close to a segment's edge is meant to be that edge. */
const TOLERANCE_S = 0.001;

/** `span` widened to the segments it touches; null when it touches none. */
export function widenToSegments({ segments }: RecordedPlaylist, span: Span): Span | null {
  const touched = placed(segments).filter(({ startS, endS }) =>
    endS > span.startS + TOLERANCE_S && startS < span.endS - TOLERANCE_S
  );
  const [first] = touched;
  const last = touched.at(-1);
  return first === undefined || last === undefined
    ? null
    : { startS: first.startS, endS: last.endS };
}

/** The segments whose middle lies within `span`. */
export function cutPlaylist(playlist: RecordedPlaylist, span: Span): RecordedPlaylist {
  const segments = placed(playlist.segments)
    .filter(({ startS, endS }) => {
      const middleS = (startS + endS) / 2;
      return middleS >= span.startS && middleS < span.endS;
    })
    .map(({ segment }) => segment);
  const [first, ...rest] = segments;
  if (first === undefined) return { ...playlist, segments };
  return { ...playlist, segments: [{ ...first, isDiscontinuous: false }, ...rest] };
}

/** Segments with where they lie in the recording. */
export function placed(segments: readonly RecordedSegment[]) {
  let positionS = 0;
  return segments.map((segment) => {
    const startS = positionS;
    positionS += segment.durationS;
    return { segment, startS, endS: positionS };
  });
}

/** The text of a media playlist that will lie under `key`. */
export function renderRecordedPlaylist(playlist: RecordedPlaylist, key: string): string {
  const toUri = (target: string) => relativeUri(folderOf(key), target);
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:6",
    `#EXT-X-TARGETDURATION:${playlist.targetDurationS}`,
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#EXT-X-MEDIA-SEQUENCE:0",
  ];
  let initKey = "";
  for (const segment of playlist.segments) {
    if (segment.isDiscontinuous) lines.push("#EXT-X-DISCONTINUITY");
    if (segment.initKey !== initKey) lines.push(`#EXT-X-MAP:URI="${toUri(segment.initKey)}"`);
    initKey = segment.initKey;
    if (segment.wallClockMs !== null) {
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.wallClockMs).toISOString()}`);
    }
    const uri = `${toUri(segment.key)}${shiftQuery(segment)}`;
    lines.push(`#EXTINF:${Number(segment.durationS.toFixed(5))},`, uri);
  }
  return `${[...lines, "#EXT-X-ENDLIST"].join("\n")}\n`;
}

/** The clock that the shift is converted to stands in the init segment. */
function shiftQuery({ initKey, shiftMs }: RecordedSegment): string {
  if (shiftMs === 0) return "";
  return `?shift=${shiftMs}&init=${/init-(\d+)\.mp4$/.exec(initKey)?.[1] ?? 0}`;
}

/** The text of a multivariant playlist. */
export function renderRecordedVariants({ isIndependent, variants }: RecordedVariants): string {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:6"];
  if (isIndependent) lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  for (const { attributes, key } of variants) {
    lines.push(`#EXT-X-STREAM-INF:${attributes}`, key.slice(ROOT.length));
  }
  return `${lines.join("\n")}\n`;
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines[0] !== "#EXTM3U") throw new RecordedPlaylistError("the playlist lacks #EXTM3U");
  return lines;
}

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}

/** The key a URI leads to from `folder`; it never leaves the recordings. */
function resolveKey(folder: string, uri: string): string {
  const key = URL.canParse(uri, `http://storage/${folder}`)
    ? new URL(uri, `http://storage/${folder}`).pathname.slice(1)
    : "";
  if (uri !== "" && isStorageKey(key) && key.startsWith(ROOT)) return key;
  throw new RecordedPlaylistError(`${JSON.stringify(uri.slice(0, 100))} leads nowhere`);
}

/** The URI from `folder` to `key`: up to the first folder both share, then down. */
function relativeUri(folder: string, key: string): string {
  const from = folder.split("/").slice(0, -1);
  const to = key.split("/");
  let shared = 0;
  while (shared < Math.min(from.length, to.length - 1) && from[shared] === to[shared]) shared += 1;
  return [...from.slice(shared).map(() => ".."), ...to.slice(shared)].join("/");
}
