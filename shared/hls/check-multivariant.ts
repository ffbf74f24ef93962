/**
 * The rules of multivariant playlists.
 * @see draft-pantos-hls-rfc8216bis-20
 */
import { attributeOf, numberOf, splitLines } from "./parse-playlist.ts";

/** One rendition as a multivariant playlist offers it. */
export type CheckedVariant = {
  readonly uri: string;
  readonly bandwidthBps: number;
  readonly averageBandwidthBps: number | null;
  readonly codecs: string | null;
  readonly resolution: string | null;
};

export type CheckedMultivariant = {
  readonly variants: readonly CheckedVariant[];
  /** Media playlists of EXT-X-MEDIA: alternative audio, subtitles. */
  readonly mediaUris: readonly string[];
  readonly complaints: readonly string[];
  readonly advice: readonly string[];
};

// What our ladder can be; others may list any codec, in the form of RFC 6381.
const CODEC = /^[a-zA-Z0-9]{2,4}(?:\.[a-zA-Z0-9-]+)+$|^(?:ac-3|ec-3|opus|fLaC|flac|mp3|stpp|wvtt)$/;
const VIDEO = /^(?:avc|hvc|hev|av01|vp0?[89]|dvh)/i;

/** Every breach in a multivariant playlist, and all advice; empty when there is none. */
export function checkMultivariant(text: string): string[] {
  const { complaints, advice } = readMultivariant(text);
  return [...complaints, ...advice];
}

/** Reads a multivariant playlist as far as it goes. */
export function readMultivariant(text: string): CheckedMultivariant {
  const complaints: string[] = [];
  const advice: string[] = [];
  if (!/^#EXTM3U\r?\n/.test(text)) complaints.push("the first line is not #EXTM3U");
  if (!text.endsWith("\n")) complaints.push("the last line is cut off");
  const lines = splitLines(text);
  const variants: CheckedVariant[] = [];
  for (const [index, { tag, value }] of lines.entries()) {
    if (tag !== "EXT-X-STREAM-INF") continue;
    const next = lines[index + 1];
    if (next?.tag !== "") complaints.push("a variant without its URI in the next line");
    const variant = readVariant(value, next?.tag === "" ? next.value : "");
    checkVariant(variant, complaints, advice);
    variants.push(variant);
  }
  if (variants.length === 0) complaints.push("there are no variants");
  if (lines.some(({ tag }) => tag === "EXTINF")) complaints.push("it lists media segments");
  const mediaUris = lines.filter(({ tag }) => tag === "EXT-X-MEDIA").flatMap(({ value }) =>
    attributeOf(value, "URI") ?? []
  );
  return { variants, mediaUris, complaints, advice };
}

function readVariant(value: string, uri: string): CheckedVariant {
  return {
    uri,
    bandwidthBps: numberOf(value, "BANDWIDTH") ?? Number.NaN,
    averageBandwidthBps: numberOf(value, "AVERAGE-BANDWIDTH"),
    codecs: attributeOf(value, "CODECS"),
    resolution: attributeOf(value, "RESOLUTION"),
  };
}

/** 4.4.6.2 */
function checkVariant(variant: CheckedVariant, complaints: string[], advice: string[]): void {
  const { bandwidthBps, averageBandwidthBps, codecs, resolution } = variant;
  if (!(bandwidthBps > 0)) complaints.push(`BANDWIDTH is ${bandwidthBps}`);
  if (averageBandwidthBps === null) advice.push("a variant has no AVERAGE-BANDWIDTH");
  else if (!(averageBandwidthBps > 0) || averageBandwidthBps > bandwidthBps) {
    complaints.push(`AVERAGE-BANDWIDTH is ${averageBandwidthBps}, BANDWIDTH ${bandwidthBps}`);
  }
  if (codecs === null) advice.push("a variant has no CODECS");
  else if (!codecs.split(",").every((codec) => CODEC.test(codec.trim()))) {
    complaints.push(`CODECS is ${JSON.stringify(codecs)}`);
  }
  if (resolution !== null && !/^\d+x\d+$/.test(resolution)) {
    complaints.push(`RESOLUTION is ${resolution}`);
  }
  const hasVideo = codecs?.split(",").some((codec) => VIDEO.test(codec.trim())) ?? false;
  if (hasVideo && resolution === null) advice.push("a variant with video has no RESOLUTION");
}
