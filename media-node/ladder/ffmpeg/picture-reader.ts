/**
 * Reads the fragmented MP4 in which our ffmpeg sends JPEGs: one picture per fragment, with its time.
 */
import { BoxError, readBox, readMovieFragment } from "../../formats/mp4/boxes.ts";

/** A picture of 160 pixels' width is far smaller; more would be memory without a bound. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024;

/** Feed it bytes in any portions; `ptsMs` is on ffmpeg's clock. */
export class PictureReader {
  readonly #onPicture: (ptsMs: number, jpeg: Uint8Array) => void;
  #rest: Uint8Array = new Uint8Array(0);
  #ptsMs: number | null = null;

  constructor(onPicture: (ptsMs: number, jpeg: Uint8Array) => void) {
    this.#onPicture = onPicture;
  }

  /** @throws BoxError when this is no MP4, or too much of it */
  push(chunk: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let box = readBox(this.#rest, 0); box !== null; box = readBox(this.#rest, 0)) {
      this.#rest = this.#rest.subarray(box.size);
      if (box.type === "moof") this.#ptsMs = readTime(box.body);
      else if (box.type === "mdat" && this.#ptsMs !== null) {
        // A copy: it outlives the chunk it arrived in.
        this.#onPicture(this.#ptsMs, new Uint8Array(box.body));
        this.#ptsMs = null;
      }
    }
    if (this.#rest.length > MAX_PENDING_BYTES) throw new BoxError("a picture is too large");
  }
}

function readTime(moof: Uint8Array): number | null {
  const [track] = readMovieFragment(moof);
  if (track === undefined) return null;
  return track.baseMediaDecodeTime + (track.samples[0]?.compositionOffset ?? 0);
}
