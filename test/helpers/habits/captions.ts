/**
 * CEA-608 captions in the SEI of a source that has none.
 * @see ANSI/CTA-708-E 4.4, ANSI/CTA-608-E
 */
import { joinUnits, unitsOf } from "./pictures.ts";
import { type Habit, mapFrames, type WireTag, withContent } from "./wire-tag.ts";

const FILLER = [0, 0] as const;
type Pair = readonly [number, number];

/**
 * A caption that pops on: take the last one away (only then does a player know how long it was shown),
 * load, row 15, the text, show. Control codes are sent twice.
 */
function popOn(text: string): Pair[] {
  const letters = [...Buffer.from(text.padEnd(text.length + text.length % 2))];
  const pairs = letters.flatMap((letter, index): Pair[] =>
    index % 2 === 0 ? [[letter, letters[index + 1] ?? 0x20]] : []
  );
  const twice = (pair: Pair): Pair[] => [pair, pair];
  return [
    ...twice([0x14, 0x2c]),
    ...twice([0x14, 0x20]),
    ...twice([0x14, 0x2e]),
    ...twice([0x14, 0x70]),
    ...pairs,
    ...twice([0x14, 0x2f]),
  ];
}

/** With the parity bit that makes the number of ones odd. */
function withParity(byte: number): number {
  const ones = byte.toString(2).replaceAll("0", "").length;
  return ones % 2 === 0 ? byte | 0x80 : byte;
}

function captionUnit([first, second]: Pair): Uint8Array {
  const pair = [withParity(first), withParity(second)];
  const userData = [0xb5, 0, 0x31, ...Buffer.from("GA94"), 3, 0x41, 0xff, 0xfc, ...pair, 0xff];
  const unit = [6, 4, userData.length, ...userData, 0x80];
  return escape(unit);
}

/** With the bytes that keep a unit from looking like a start code. */
function escape(unit: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const byte of unit) {
    if (byte <= 3 && bytes.at(-1) === 0 && bytes.at(-2) === 0) bytes.push(3);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Says `text` every so many frames. */
export function caption(text: string, everyFrames = 60): Habit {
  const pairs = popOn(text);
  return mapFrames("video", (tag, index) => captioned(tag, pairs[index % everyFrames] ?? FILLER));
}

/** A number as it is said has so many digits. */
const DIGITS = 4;
/** With which frame a number is on the screen, counted from where its caption begins. */
const SHOWN_AFTER_FRAMES = popOn("0".repeat(DIGITS)).length - 2;

/** The number of the frame that is shown with the caption of frame `index`; null: it has none. */
export function saidAt(index: number, everyFrames: number): number | null {
  const said = index - index % everyFrames + SHOWN_AFTER_FRAMES;
  return said <= index ? said : null;
}

/** Says every so many frames with which one it appears, from frame `from` on. */
export function captionNumbers(everyFrames: number, from = 0): Habit {
  return mapFrames("video", (tag, index) => {
    if (index < from) return tag;
    const said = index - index % everyFrames + SHOWN_AFTER_FRAMES;
    const pairs = popOn(String(said).padStart(DIGITS, "0"));
    return captioned(tag, pairs[index % everyFrames] ?? FILLER);
  });
}

function captioned(tag: WireTag, pair: Pair): WireTag {
  return withContent(tag, joinUnits([captionUnit(pair), ...unitsOf(tag)]));
}
