/**
 * Fragments of pictures that say captions and show nothing, written as the media node writes them.
 */
import { writeFragment, writeInitSegment } from "#media-node/formats/mp4/fragment-writer.ts";
import { VIDEO_TIMESCALE } from "#media-node/formats/media.ts";
import { contentOf, type Habit, type WireTag } from "./habits/wire-tag.ts";

export const FRAGMENT_FPS = 30;
const FRAME_TICKS = VIDEO_TIMESCALE / FRAGMENT_FPS;
/** A slice of an I picture that other readers take for the SEI of another codec. */
const SLICE = [0x65, 0xb8, 0x04, 0x00, 0xff, 0xff];

const avcC = Uint8Array.of(1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0);

export const captionedInit = (): Uint8Array =>
  writeInitSegment({ video: { kind: "video", avcC, width: 320, height: 180 }, audio: null });

/** `count` access units, with what `habit` says in them. */
export function captionedUnits(habit: Habit, count: number): Uint8Array[] {
  const tag = (index: number): WireTag => {
    const atMs = index * 1000 / FRAGMENT_FPS;
    const body = Uint8Array.of(0x27, 1, 0, 0, 0, 0, 0, 0, SLICE.length, ...SLICE);
    return { type: "video", sentMs: atMs, stampMs: atMs, body };
  };
  return habit(Array.from({ length: count }, (_, index) => tag(index))).map(contentOf);
}

/** The units numbered `from` to `to` (without it) as one part, in pictures of 1/30 s from time 0 on. */
export function captionedPart(units: readonly Uint8Array[], from: number, to: number): Uint8Array {
  const samples = units.slice(from, to).map((data) => {
    return { durationTicks: FRAME_TICKS, compositionTicks: 0, isSync: true, data };
  });
  const video = { decodeTicks: from * FRAME_TICKS, samples };
  return writeFragment({ sequenceNumber: from, video, audio: null });
}

/** The same, but two by two each picture is shown after the one that is decoded behind it. */
export function reorderedPart(units: readonly Uint8Array[], from: number, to: number): Uint8Array {
  const samples = units.slice(from, to).map((_, index) => {
    const isAhead = (from + index) % 2 === 0;
    const data = units[from + index + (isAhead ? 1 : -1)] ?? new Uint8Array();
    const compositionTicks = isAhead ? FRAME_TICKS * 2 : 0;
    return { durationTicks: FRAME_TICKS, compositionTicks, isSync: true, data };
  });
  const video = { decodeTicks: from * FRAME_TICKS, samples };
  return writeFragment({ sequenceNumber: from, video, audio: null });
}
