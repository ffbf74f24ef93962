/**
 * Recordings for FFmpeg's HLS demuxer, on which mpv and Kodi stand as well. Before FFmpeg 8 it cannot
 * seek in fragmented MP4: it goes on at the place in the stream where it was, and finds no frame. In
 * transport stream every version seeks. So a recording is listed for it as transport stream, and its
 * segments are written as they are asked for; nothing of it is stored.
 *
 * Other players, and whoever follows a broadcast that runs, get fragmented MP4. Pure.
 */
import { BoxError } from "../formats/mp4/boxes.ts";
import { segmentAsTs } from "../formats/ts/segment-as-ts.ts";

type ReadHeader = (name: string) => string | undefined;

/** They ask for the titles of internet radio as well, and seek in both forms. */
const SEEKS_ANYWAY = /\b(?:VLC|LibVLC|GStreamer)\b/;

/** Whether it is FFmpeg that asks: whatever name its user gave it, it asks for titles. */
export function needsTransportStream(header: ReadHeader): boolean {
  return header("icy-metadata") !== undefined && !SEEKS_ANYWAY.test(header("user-agent") ?? "");
}

/**
 * Whether it was given this very media playlist (yt-dlp does so). It asks for a range then; what it
 * found in another playlist, or reads again, it asks for without.
 */
export function opensTransportStream(header: ReadHeader): boolean {
  return needsTransportStream(header) && header("range") !== undefined;
}

/** A multivariant playlist of the same renditions as transport stream. */
export function tsMultivariant(text: string): string {
  return text.replaceAll(/^([^#\n]*)\bindex\.m3u8$/gm, "$1ts.m3u8");
}

/** With the shift that a clip may ask for: FFmpeg begins at the first segment, whatever its time. */
const SEGMENT = /^([^#]*seg-\d+)\.m4s(?:\?[^?]*)?$/;

/** A recorded media playlist with the same segments as transport stream. */
export function tsPlaylist(text: string): string {
  let init = "0";
  return text.split("\n").flatMap((line) => {
    const map = /^#EXT-X-MAP:URI="(?:[^"]*\/)?init-(\d+)\.mp4"$/.exec(line)?.[1];
    init = map ?? init;
    return map === undefined ? [line.replace(SEGMENT, `$1-${init}.ts`)] : [];
  }).join("\n");
}

/** Null when the two are not what they should be. */
export function tsSegment(init: Uint8Array, segment: Uint8Array): Blob | null {
  try {
    return new Blob([segmentAsTs(init, segment)]);
  } catch (error) {
    if (error instanceof BoxError) return null;
    throw error;
  }
}
