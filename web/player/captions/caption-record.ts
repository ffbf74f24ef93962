/**
 * What the pictures say that are loaded, each once, however often and in whichever order they come: a
 * caption takes a second of them, so what was loaded last may complete what was loaded long before.
 * Pure.
 */
import type { CaptionBytes, CaptionRun } from "./caption-bytes.ts";
import { CaptionDecoder } from "./caption-decoder.ts";
import { type CueList, isWithin, type SaidPiece, type Stretch } from "./cue-list.ts";

/** Times of the same picture in two renditions differ by less; those of two pictures by more. */
const SAME_S = 0.005;

export class CaptionRecord {
  readonly #cues: Pick<CueList<unknown>, "add" | "replace">;
  /** In the order in which they are shown. */
  #pictures: readonly CaptionBytes[] = [];
  #decoder = new CaptionDecoder();
  /** To where they have been decoded; Infinity: not at all. */
  #decodedS = Infinity;

  constructor(cues: Pick<CueList<unknown>, "add" | "replace">) {
    this.#cues = cues;
  }

  take({ pictures, endS }: CaptionRun): void {
    const fresh = this.#freshOf(pictures);
    if (fresh.length === 0) return;
    const lastS = this.#pictures.at(-1)?.toS ?? endS;
    this.#pictures = [...this.#pictures, ...fresh].toSorted((one, other) =>
      one.fromS - other.fromS
    );
    const isNext = fresh.every(({ fromS }) => fromS >= this.#decodedS - SAME_S);
    if (isNext) this.#cues.add(this.#decodeTo(endS));
    else {
      this.#decoder = new CaptionDecoder();
      this.#decodedS = -Infinity;
      this.#cues.replace(this.#decodeTo(Math.max(endS, lastS)));
    }
  }

  /** Forgets what is in none of `stretches`. */
  keep(stretches: readonly Stretch[]): void {
    this.#pictures = this.#pictures.filter((picture) => isWithin(picture, stretches));
    if (this.#pictures.length === 0) this.#decodedS = Infinity;
  }

  /** Those that are shown later wait: others that are shown before them may still come. */
  #decodeTo(endS: number): readonly SaidPiece[] {
    const due = this.#pictures.filter(({ fromS }) =>
      fromS >= this.#decodedS - SAME_S && fromS < endS - SAME_S
    );
    this.#decodedS = Math.max(this.#decodedS, endS);
    return this.#decoder.decode(due);
  }

  #freshOf(pictures: readonly CaptionBytes[]): readonly CaptionBytes[] {
    const firstS = Math.min(...pictures.map(({ fromS }) => fromS)) - SAME_S;
    const near = this.#pictures.filter(({ fromS }) => fromS > firstS);
    return pictures.filter(({ fromS }) =>
      !near.some((picture) => Math.abs(picture.fromS - fromS) < SAME_S)
    );
  }
}
