/**
 * Puts the tags of one timestamp together: encoders send parameter sets, messages and the slices of a
 * picture in tags of their own. What holds no picture goes in front of the next one.
 */
import { beginsPicture, isSlice } from "../formats/codecs/nal-units.ts";

/** A tag's NAL units, or all those of one access unit. */
export type UnitPiece = {
  readonly timestampMs: number;
  /** When it came: a picture may wait for the tag after it. */
  readonly atMs: number;
  readonly compositionMs: number;
  readonly isFlaggedKeyframe: boolean;
  readonly nals: readonly Uint8Array[];
  /** The same as bytes framed as we write them; null: they must be put together first. */
  readonly plain: Uint8Array | null;
};

/** Parameter sets and messages that may wait for their picture. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * `unsure`: the first picture waits for the tag after it. `whole`: a tag has a whole picture, so it is
 * handed on at once. `split`: it is not, so every picture waits for the tag after it.
 */
type Habit = "unsure" | "whole" | "split";

export class AccessUnits {
  readonly #onUnit: (unit: UnitPiece) => void;
  #habit: Habit = "unsure";
  #waiting: UnitPiece | null = null;
  #lastTimestampMs: number | null = null;

  constructor(onUnit: (unit: UnitPiece) => void) {
    this.#onUnit = onUnit;
  }

  /** `mayBeField`: pictures may come as two fields, each of which begins like a picture. */
  push(piece: UnitPiece, mayBeField: boolean): void {
    if (this.#isRest(piece)) {
      // Its beginning is gone already; from the next picture on the whole of it is waited for.
      this.#habit = "split";
      return;
    }
    const waiting = this.#waiting;
    if (waiting !== null && hasPicture(waiting)) {
      if (continues(waiting, piece, mayBeField)) {
        this.#habit = "split";
        this.#waiting = join(waiting, piece);
        return;
      }
      this.flush();
      if (this.#habit === "unsure") this.#habit = "whole";
    }
    this.#waiting = this.#waiting === null ? piece : precede(this.#waiting, piece);
    const isComplete = this.#habit === "whole" && hasPicture(this.#waiting);
    if (isComplete) this.flush();
    else if (bytesOf(this.#waiting) > MAX_WAITING_BYTES && !hasPicture(this.#waiting)) {
      this.#waiting = null;
    }
  }

  /** Hands on a picture that waits: nothing more comes. */
  flush(): void {
    const unit = this.#waiting;
    if (unit === null || !hasPicture(unit)) return;
    this.#waiting = null;
    this.#lastTimestampMs = unit.timestampMs;
    this.#onUnit(unit);
  }

  /** Slices of the picture that was handed on last. */
  #isRest(piece: UnitPiece): boolean {
    return this.#waiting === null && piece.timestampMs === this.#lastTimestampMs &&
      hasPicture(piece) && !piece.nals.some(beginsPicture);
  }
}

function hasPicture({ nals }: UnitPiece): boolean {
  return nals.some(isSlice);
}

function continues(unit: UnitPiece, piece: UnitPiece, mayBeField: boolean): boolean {
  if (piece.timestampMs !== unit.timestampMs || !hasPicture(piece)) return false;
  if (!piece.nals.some(beginsPicture)) return true;
  return mayBeField && unit.nals.filter(beginsPicture).length === 1;
}

/** More of the picture in `unit`. */
function join(unit: UnitPiece, { nals }: UnitPiece): UnitPiece {
  return { ...unit, nals: [...unit.nals, ...nals], plain: null };
}

/** What waits goes in front of what comes, whose times count. */
function precede(waiting: UnitPiece, piece: UnitPiece): UnitPiece {
  return { ...piece, nals: [...waiting.nals, ...piece.nals], plain: null };
}

function bytesOf({ nals }: UnitPiece): number {
  return nals.reduce((sum, nal) => sum + nal.length, 0);
}
