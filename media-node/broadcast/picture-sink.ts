import type { PictureSize } from "../ladder/picture-size.ts";

/** What takes the small pictures of a broadcast. */
export interface PictureSink {
  /** Of every picture; null before there is video. */
  readonly size: PictureSize | null;
  /** A JPEG of what is shown at `ptsMs` on the broadcast's timeline. */
  add(ptsMs: number, jpeg: Uint8Array): void;
}
