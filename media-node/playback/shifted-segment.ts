/**
 * Segments of a recording with the times that a clip of it gives them: `seg-<msn>.m4s?shift=<ms>&init=<n>`.
 * Written as they are asked for; nothing of it is stored. Pure.
 */
import { BoxError } from "../formats/mp4/boxes.ts";
import { shiftFragments } from "../formats/mp4/shift-fragments.ts";

export type SegmentShift = { readonly shiftMs: number; readonly initNumber: number };

const SHIFT = /^-?[1-9]\d{0,11}$/;
const INIT = /^(?:0|[1-9]\d{0,8})$/;

/** The shift that a query asks for; null: none. A sentence that says what is wrong when it is nonsense. */
export function shiftOf(query: URLSearchParams): SegmentShift | null | string {
  const shift = query.get("shift");
  if (shift === null) return null;
  if (!SHIFT.test(shift)) return "shift is not a whole number of milliseconds.";
  const init = query.get("init") ?? "";
  if (!INIT.test(init)) return "shift needs the number of the init segment as init.";
  return { shiftMs: Number(shift), initNumber: Number(init) };
}

/** Null when the two are not what they should be. */
export function shiftedSegment(
  init: Uint8Array,
  segment: Uint8Array,
  shiftMs: number,
): Blob | null {
  try {
    return new Blob([shiftFragments(init, segment, shiftMs)]);
  } catch (error) {
    if (error instanceof BoxError) return null;
    throw error;
  }
}
