/**
 * Finds the bytes of CEA-608 captions in fragments of media. Pure.
 * @see ANSI/CTA-708-E 4.4, ANSI/SCTE 128-1 8.1
 */
import { extractCta608DataFromSample } from "@svta/cml-608";
import { type PictureRun, type PictureTrack, readPictureRuns } from "./fragment-samples.ts";

/** What one picture says, on the player's timeline. */
export type CaptionBytes = {
  readonly fromS: number;
  readonly toS: number;
  /** Another one is behind a discontinuity. */
  readonly stretchNumber: number;
  /** Of both fields, in pairs. */
  readonly fields: readonly (readonly number[])[];
};

export type CaptionRun = {
  /** One for each picture, in the order in which they are decoded. */
  readonly pictures: readonly CaptionBytes[];
  /** No picture of the next run is shown before. */
  readonly endS: number;
};

/** Where media is placed: its own times are `offsetS` behind the player's. */
export type Placing = { readonly offsetS: number; readonly stretchNumber: number };

const SEI = 6;
const NO_BYTES: readonly (readonly number[])[] = [[], []];

export function readCaptionBytes(
  media: Uint8Array,
  track: PictureTrack,
  placing: Placing,
): readonly CaptionRun[] {
  const toS = (ticks: number) => ticks / track.timescale + placing.offsetS;
  return readPictureRuns(media, track.id).map((run) => {
    return { pictures: readRun(media, run, toS, placing), endS: toS(run.endTicks) };
  });
}

function readRun(
  media: Uint8Array,
  { samples }: PictureRun,
  toS: (ticks: number) => number,
  { stretchNumber }: Placing,
): readonly CaptionBytes[] {
  const view = new DataView(media.buffer, media.byteOffset, media.byteLength);
  return samples.map(({ ptsTicks, durationTicks, offset, bytes }) => {
    const units = seiIn(view, offset, offset + bytes);
    const said = units.map((unit) => extractCta608DataFromSample(view, unit.at, unit.bytes));
    const fields = said.length === 0
      ? NO_BYTES
      : [0, 1].map((field) => said.flatMap((fields) => fields[field] ?? []));
    const times = { fromS: toS(ptsTicks), toS: toS(ptsTicks + durationTicks) };
    return { ...times, stretchNumber, fields };
  });
}

/**
 * The SEI units of an H.264 sample, with their lengths in front. cml-608 would look for those of other
 * codecs as well, and takes some H.264 slices for them.
 */
function seiIn(view: DataView, start: number, end: number): { at: number; bytes: number }[] {
  const units: { at: number; bytes: number }[] = [];
  for (let at = start; at + 5 <= Math.min(end, view.byteLength);) {
    const bytes = 4 + view.getUint32(at);
    if ((view.getUint8(at + 4) & 0x1f) === SEI) units.push({ at, bytes });
    at += bytes;
  }
  return units;
}
