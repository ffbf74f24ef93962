/**
 * How large the small pictures of a broadcast are. All of them have one size, whatever its publisher
 * changes to: they are put together on sheets. Pure.
 */

/** In square pixels. */
export type PictureSize = { readonly width: number; readonly height: number };

const LONG_SIDE_PX = 160;

/** The size of the pictures of a broadcast that is shown in the proportions of `shape`. */
export function pictureSizeOf(shape: PictureSize): PictureSize {
  return fitInto({ width: LONG_SIDE_PX, height: LONG_SIDE_PX }, shape);
}

/** The largest size within `box` in the proportions of `shape`, with even sides. */
export function fitInto(box: PictureSize, shape: PictureSize): PictureSize {
  const scale = Math.min(box.width / shape.width, box.height / shape.height);
  const side = (length: number, most: number) =>
    Math.max(2, Math.min(2 * Math.round(length * scale / 2), 2 * Math.floor(most / 2)));
  return { width: side(shape.width, box.width), height: side(shape.height, box.height) };
}
