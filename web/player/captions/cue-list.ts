/**
 * What is said when, on the player's timeline. Pure.
 */
export type Stretch = { readonly fromS: number; readonly toS: number };

export type SaidPiece = Stretch & {
  /** 1 to 4: CC1 to CC4. */
  readonly channel: number;
  readonly text: string;
  /** It stands in the upper half of the picture. */
  readonly isOnTop: boolean;
};

/** What a list has its owner do; a `Shown` is the piece's from then on. */
export type CueChanges<Shown> = {
  readonly create: (piece: SaidPiece) => Shown;
  readonly end: (shown: Shown, toS: number) => void;
  readonly remove: (shown: Shown) => void;
};

/** A hole this long between the same words is none. */
const TOUCHING_S = 0.05;
/** Times of the same moment in two renditions differ by less. */
const SAME_S = 0.005;

export class CueList<Shown> {
  readonly #changes: CueChanges<Shown>;
  #said: { piece: SaidPiece; readonly shown: Shown }[] = [];

  constructor(changes: CueChanges<Shown>) {
    this.#changes = changes;
  }

  /** `pieces` follow what is there. */
  add(pieces: readonly SaidPiece[]): void {
    for (const piece of pieces) {
      const before = this.#said.find((said) => goesOn(said.piece, piece));
      if (before === undefined) this.#create(piece);
      else this.#end(before, piece.toS);
    }
  }

  /** `pieces` are all there is; what was there already stays as it is. */
  replace(pieces: readonly SaidPiece[]): void {
    const wanted = joined(pieces);
    this.#removeUnless(({ piece }) => wanted.some((one) => isSame(one, piece)));
    for (const piece of wanted) {
      const known = this.#said.find((said) => isSame(said.piece, piece));
      if (known === undefined) this.#create(piece);
      else this.#end(known, piece.toS);
    }
  }

  /** Forgets what is in none of `stretches`. */
  keep(stretches: readonly Stretch[]): void {
    this.#removeUnless(({ piece }) => isWithin(piece, stretches));
  }

  #create(piece: SaidPiece): void {
    this.#said.push({ piece, shown: this.#changes.create(piece) });
  }

  #end(said: { piece: SaidPiece; readonly shown: Shown }, toS: number): void {
    if (said.piece.toS === toS) return;
    said.piece = { ...said.piece, toS };
    this.#changes.end(said.shown, toS);
  }

  #removeUnless(isKept: (said: { readonly piece: SaidPiece }) => boolean): void {
    const gone = this.#said.filter((said) => !isKept(said));
    this.#said = this.#said.filter(isKept);
    for (const { shown } of gone) this.#changes.remove(shown);
  }
}

/** Whether some of `one` is in one of `stretches`. */
export function isWithin(one: Stretch, stretches: readonly Stretch[]): boolean {
  return stretches.some(({ fromS, toS }) => one.fromS < toS && one.toS > fromS);
}

function isAlike(one: SaidPiece, other: SaidPiece): boolean {
  return one.channel === other.channel && one.text === other.text;
}

function isSame(one: SaidPiece, other: SaidPiece): boolean {
  return isAlike(one, other) && Math.abs(one.fromS - other.fromS) < SAME_S;
}

function goesOn(before: SaidPiece, after: SaidPiece): boolean {
  return isAlike(before, after) && Math.abs(after.fromS - before.toS) < TOUCHING_S;
}

function joined(pieces: readonly SaidPiece[]): readonly SaidPiece[] {
  const whole: SaidPiece[] = [];
  for (const piece of pieces) {
    const at = whole.findLastIndex((before) => goesOn(before, piece));
    const before = whole[at];
    if (before === undefined) whole.push(piece);
    else whole[at] = { ...before, toS: piece.toS };
  }
  return whole;
}
