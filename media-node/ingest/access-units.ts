/**
 * Puts the tags of one timestamp together: encoders send parameter sets, messages and the slices of a
 * picture in tags of their own. What holds no picture goes in front of the next one.
 */
import { beginsPicture, isSlice, MAX_NALS } from "../formats/codecs/nal-units.ts";

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

/** Parameter sets and messages that may wait for their picture; and a picture for the rest of it. */
const MAX_WAITING_BYTES = 256 * 1024;
const MAX_PICTURE_BYTES = 8 * 1024 * 1024;

/** A picture's tags come one behind the other, as a rule before the sound to the next one. */
const MAX_REST_MS = 150;

/** What waits for more, put together as it comes. */
type Waiting = {
  /** Of the newest tag, or of the one that began the picture. */
  readonly first: UnitPiece;
  readonly nals: Uint8Array[];
  readonly bytes: number;
  readonly tags: number;
  readonly hasPicture: boolean;
  readonly pictures: number;
};

/**
 * `unsure`: the first picture waits for the tag after it. `whole`: a tag has a whole picture, so it is
 * handed on at once. `split`: it is not, so every picture waits for the tag after it.
 */
type Habit = "unsure" | "whole" | "split";

export class AccessUnits {
  readonly #onUnit: (unit: UnitPiece) => void;
  #habit: Habit = "unsure";
  #waiting: Waiting | null = null;
  #lastTimestampMs: number | null = null;
  #dropped = 0;

  constructor(onUnit: (unit: UnitPiece) => void) {
    this.#onUnit = onUnit;
  }

  /** Access units that were left out because they have no end. */
  get dropped(): number {
    return this.#dropped;
  }

  /** `mayBeField`: pictures may come as two fields, each of which begins like a picture. */
  push(piece: UnitPiece, mayBeField: boolean): void {
    if (this.#isRest(piece)) {
      // Its beginning is gone already; from the next picture on the whole of it is waited for.
      this.#habit = "split";
      return;
    }
    const waiting = this.#waiting;
    if (waiting?.hasPicture === true) {
      if (continues(waiting, piece, mayBeField)) {
        this.#habit = "split";
        this.#waiting = add(waiting, piece, waiting.first);
        return this.#bound();
      }
      this.flush();
      if (this.#habit === "unsure") this.#habit = "whole";
    }
    // What waits goes in front of what comes, whose times count.
    this.#waiting = add(this.#waiting, piece, piece);
    if (this.#habit === "whole" && this.#waiting.hasPicture) this.flush();
    else this.#bound();
  }

  /** The other track is stamped so much later that the rest of the first picture would be here. */
  flushBefore(timestampMs: number): void {
    // Slices that are known to come alone are waited for: sound may be ahead for good.
    if (this.#waiting === null || this.#habit !== "unsure") return;
    if (((timestampMs - this.#waiting.first.timestampMs) | 0) > MAX_REST_MS) this.flush();
  }

  /** Hands on a picture that waits: nothing more comes. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting === null || !waiting.hasPicture) return;
    const { first, nals, tags } = waiting;
    this.#waiting = null;
    this.#lastTimestampMs = first.timestampMs;
    this.#onUnit(tags === 1 ? first : { ...first, nals, plain: null });
  }

  #bound(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const maxBytes = waiting.hasPicture ? MAX_PICTURE_BYTES : MAX_WAITING_BYTES;
    if (waiting.bytes <= maxBytes && waiting.nals.length <= MAX_NALS) return;
    // The rest of it is not the beginning of another one.
    if (waiting.hasPicture) this.#lastTimestampMs = waiting.first.timestampMs;
    this.#waiting = null;
    this.#dropped += 1;
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

function continues(unit: Waiting, piece: UnitPiece, mayBeField: boolean): boolean {
  if (piece.timestampMs !== unit.first.timestampMs || !hasPicture(piece)) return false;
  if (!piece.nals.some(beginsPicture)) return true;
  return mayBeField && unit.pictures === 1;
}

/** `first`: whose times count. What waits is changed. */
function add(waiting: Waiting | null, piece: UnitPiece, first: UnitPiece): Waiting {
  const nals = waiting?.nals ?? [];
  for (const nal of piece.nals) nals.push(nal);
  return {
    first,
    nals,
    bytes: (waiting?.bytes ?? 0) + bytesOf(piece),
    tags: (waiting?.tags ?? 0) + 1,
    hasPicture: waiting?.hasPicture === true || hasPicture(piece),
    pictures: (waiting?.pictures ?? 0) + piece.nals.filter(beginsPicture).length,
  };
}

function bytesOf({ nals }: UnitPiece): number {
  return nals.reduce((sum, nal) => sum + nal.length, 0);
}
