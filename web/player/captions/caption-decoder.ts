/**
 * Keeps the screens of CC1 to CC4 from picture to picture, and says what has been on them so far: a
 * caption is known when it begins, not when it ends. Pure.
 * @see ANSI/CTA-608-E
 */
import { type CaptionScreen, Cta608Parser, type CueHandler } from "@svta/cml-608";
import type { CaptionBytes } from "./caption-bytes.ts";
import type { SaidPiece } from "./cue-list.ts";

/** A hole in the media this long ends what is on the screen. */
const HOLE_S = 0.25;
const ROWS = 15;

export class CaptionDecoder {
  #pieces: SaidPiece[] = [];
  #fields = this.#createFields();
  #last: CaptionBytes | null = null;

  /** What is on the screen with `pictures`, which are in order and follow those before. */
  decode(pictures: readonly CaptionBytes[]): readonly SaidPiece[] {
    this.#pieces = [];
    for (const picture of pictures) {
      if (this.#last !== null && isHole(this.#last, picture)) this.#clear(this.#last.toS);
      for (const [index, parser] of this.#fields.entries()) {
        parser.addData(picture.fromS, [...picture.fields[index] ?? []]);
      }
      this.#last = picture;
    }
    this.#split(this.#last?.toS ?? 0);
    return this.#pieces;
  }

  #clear(atS: number): void {
    this.#split(atS);
    this.#fields = this.#createFields();
  }

  /** What is on the screen goes on as another piece. */
  #split(atS: number): void {
    for (const parser of this.#fields) parser.cueSplitAtTime(atS);
  }

  #createFields(): readonly Cta608Parser[] {
    const hear = (channel: number): CueHandler => ({
      newCue: (fromS, toS, screen) => {
        const piece = pieceOf(screen, { channel, fromS, toS });
        if (piece.text !== "" && toS > fromS) this.#pieces.push(piece);
      },
    });
    return [new Cta608Parser(1, hear(1), hear(2)), new Cta608Parser(3, hear(3), hear(4))];
  }
}

function isHole(before: CaptionBytes, after: CaptionBytes): boolean {
  return after.fromS - before.toS > HOLE_S || after.stretchNumber !== before.stretchNumber;
}

type Place = Pick<SaidPiece, "channel" | "fromS" | "toS">;

function pieceOf(screen: CaptionScreen, place: Place): SaidPiece {
  const rows = screen.rows.map((row) => row.getTextString().trim());
  const lowest = rows.findLastIndex((row) => row !== "");
  const text = rows.filter((row) => row !== "").join("\n");
  return { ...place, text, isOnTop: lowest < Math.floor(ROWS / 2) };
}
