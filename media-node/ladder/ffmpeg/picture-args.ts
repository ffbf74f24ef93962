/**
 * What ffmpeg is told about the small pictures of a broadcast. Pure; each flag says why it is there.
 */
import { fitInto, type PictureSize } from "../picture-size.ts";
import type { FrameModeFlag } from "./frame-mode.ts";

/** How far pictures are apart. */
export const PICTURE_INTERVAL_MS = 5000;

/** Scales what is shown in the proportions of `shape` into a picture of `size`, between black bars. */
export function pictureFilter(size: PictureSize, shape: PictureSize): string {
  const { width, height } = fitInto(size, shape);
  const isWhole = width === size.width && height === size.height;
  return [
    `scale=${width}:${height}:out_range=full`, // JPEG readers expect full range
    ...(isWhole ? [] : [`pad=${size.width}:${size.height}:(ow-iw)/2:(oh-ih)/2`]),
    "setsar=1",
    "format=yuvj420p",
  ].join(",");
}

/** Pictures that can be put together as they are: with the same tables, whatever they show. */
export function pictureArgs(frameModeFlag: FrameModeFlag = "-fps_mode"): string[] {
  return [
    "-c:v",
    "mjpeg",
    "-threads",
    "1", // with several of them one picture is held back for each
    "-q:v",
    "6", // a few kilobytes each: the storyboard of the recording is compressed once more
    "-huffman",
    "default", // tables made for each picture would save a fifth, and differ
    frameModeFlag,
    "passthrough", // as rare as they are, and with the time of the frame they show
    "-enc_time_base",
    "1:1000",
    "-f",
    "mp4", // the plainest container that says when a picture is shown
    "-movflags",
    // "discont": times as they are, not counted from the first picture
    "+frag_every_frame+empty_moov+default_base_moof+frag_discont+skip_trailer",
    "-avoid_negative_ts",
    "disabled", // the muxer would else move the first picture to zero
    "-video_track_timescale",
    "1000",
    "-flush_packets",
    "1", // no buffering on the way out
  ];
}
