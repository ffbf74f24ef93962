/**
 * The paths of playback. Matched undecoded: what is not exactly one of these, once the server has
 * resolved its dot segments (RFC 3986 6.2.2.3), is not ours.
 */
import { type RenditionName, renditionNameSchema } from "#shared/contracts/broadcast.ts";
import type { RenditionFile } from "../live/playable-rendition.ts";

export type PlaybackRoute =
  | { readonly kind: "live" } // /livez
  | { readonly kind: "multivariant"; readonly videoUrl: string }
  | { readonly kind: "flv"; readonly videoUrl: string }
  // The pictures of a broadcast that runs: storyboard.vtt, storyboard-NUMBER.jpg
  | { readonly kind: "storyboard"; readonly videoUrl: string }
  | { readonly kind: "storyboardImage"; readonly videoUrl: string; readonly number: number }
  | ({ readonly kind: "playlist" } & RenditionRef)
  | ({ readonly kind: "file"; readonly file: RenditionFile } & RenditionRef)
  // The recording for players that cannot seek in fragmented MP4: ts.m3u8, seg-MSN-INIT.ts
  | ({ readonly kind: "tsPlaylist" } & RenditionRef)
  | ({ readonly kind: "tsSegment" } & TsSegment & RenditionRef);

type TsSegment = { readonly msn: number; readonly initNumber: number };

type RenditionRef = {
  readonly videoUrl: string;
  readonly epoch: number;
  readonly rendition: RenditionName;
};

const TOP = /^\/hls-live\/([a-z0-9]{4,32})\.(m3u8|flv)$/;
const STORYBOARD = /^\/hls-live\/([a-z0-9]{4,32})\/storyboard(?:\.vtt|-(0|[1-9]\d{0,14})\.jpg)$/;
const BELOW = /^\/hls-live\/([a-z0-9]{4,32})\/([1-9]\d{0,14}|0)\/([a-z]{3,4})\/([a-z0-9.-]{1,32})$/;
const TS_SEGMENT = /^seg-(0|[1-9]\d{0,8})-(0|[1-9]\d{0,8})\.ts$/;
const FILE = /^(?:(init)-(\d{1,9})\.mp4|(seg|part)-(\d{1,9})\.m4s)$/;

/** The route of a raw request path (without its query); null when there is none. */
export function routeOf(path: string): PlaybackRoute | null {
  if (path === "/livez") return { kind: "live" };
  const [, videoUrl, extension] = TOP.exec(path) ?? [];
  if (videoUrl !== undefined) {
    return { kind: extension === "flv" ? "flv" : "multivariant", videoUrl };
  }
  const [, storyboardUrl, number] = STORYBOARD.exec(path) ?? [];
  if (storyboardUrl !== undefined) return storyboardRouteOf(storyboardUrl, number);
  const [, url = "", epoch = "", name, fileName = ""] = BELOW.exec(path) ?? [];
  const rendition = renditionNameSchema.safeParse(name).data;
  if (rendition === undefined) return null;
  const ref = { videoUrl: url, epoch: Number(epoch), rendition };
  if (fileName === "index.m3u8") return { kind: "playlist", ...ref };
  if (fileName === "ts.m3u8") return { kind: "tsPlaylist", ...ref };
  const [, msn, initNumber] = TS_SEGMENT.exec(fileName) ?? [];
  if (msn !== undefined) {
    return { kind: "tsSegment", msn: Number(msn), initNumber: Number(initNumber), ...ref };
  }
  const file = fileOf(fileName);
  return file === null ? null : { kind: "file", file, ...ref };
}

function storyboardRouteOf(videoUrl: string, number: string | undefined): PlaybackRoute {
  if (number === undefined) return { kind: "storyboard", videoUrl };
  return { kind: "storyboardImage", videoUrl, number: Number(number) };
}

function fileOf(name: string): RenditionFile | null {
  const [, init, initNumber, kind, number] = FILE.exec(name) ?? [];
  // One spelling per file: `seg-01.m4s` would be a second cache entry of `seg-1.m4s`.
  const digits = init === undefined ? number : initNumber;
  if (digits === undefined || String(Number(digits)) !== digits) return null;
  if (init !== undefined) return { kind: "init", number: Number(digits) };
  return { kind: kind === "seg" ? "segment" : "part", number: Number(digits) };
}

/** The name of a file below its rendition's URL and storage prefix. */
export function nameOf(file: RenditionFile): string {
  if (file.kind === "init") return `init-${file.number}.mp4`;
  return `${file.kind === "segment" ? "seg" : "part"}-${file.number}.m4s`;
}

/** The delivery directives of a media playlist request. */
export type Directives = {
  readonly msn: number | null;
  readonly part: number | null;
  readonly isDelta: boolean;
  /** `parts=YES`: the player can begin with parts alone, before there is a complete segment. */
  readonly takesParts: boolean;
};

const NUMBER = /^\d{1,10}$/;

/** The directives in a query; a sentence that says what is wrong when it is nonsense. */
export function directivesOf(query: URLSearchParams): Directives | string {
  for (const name of ["_HLS_msn", "_HLS_part", "_HLS_skip"]) {
    if (query.getAll(name).length > 1) return `${name} stands there twice.`;
  }
  const msn = query.get("_HLS_msn");
  const part = query.get("_HLS_part");
  const skip = query.get("_HLS_skip");
  if (msn !== null && !NUMBER.test(msn)) return "_HLS_msn is not a whole number.";
  if (part !== null && !NUMBER.test(part)) return "_HLS_part is not a whole number.";
  // RFC 8216bis 6.2.5.2: _HLS_part without _HLS_msn is an error.
  if (part !== null && msn === null) return "_HLS_part needs _HLS_msn.";
  if (skip !== null && skip !== "YES" && skip !== "v2") return "_HLS_skip is neither YES nor v2.";
  return {
    msn: msn === null ? null : Number(msn),
    part: part === null ? null : Number(part),
    isDelta: skip !== null,
    takesParts: query.get("parts") === "YES",
  };
}
