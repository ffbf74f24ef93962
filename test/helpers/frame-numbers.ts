/**
 * Pictures that say their own number, read back out of media: which moment of a source is shown
 * when, exact to the frame.
 */
import sharp from "sharp";
import { NUMBER_BITS, probePackets, runForOutput } from "./ffmpeg.ts";

/** A frame of a source, by the number it says, and when it is shown. */
export type NumberedFrame = { readonly ptsS: number; readonly number: number };

const THRESHOLD = 128;

/** Every frame of a file, decoded from start to end without an error. */
export async function readNumberedFrames(file: string): Promise<NumberedFrame[]> {
  const numbers = await readNumbers(file);
  const packets = await probePackets(file, "v:0");
  if (numbers.length !== packets.length) {
    throw new Error(`${packets.length} packets, ${numbers.length} frames`);
  }
  return packets.map(({ ptsS }, index) => ({ ptsS, number: numbers[index] ?? -1 }));
}

/** What the frames of a file or URL say, decoded without an error; `input` comes before it. */
export async function readNumbers(
  target: string,
  input: readonly string[] = [],
): Promise<number[]> {
  const columns = ["-vf", `scale=${NUMBER_BITS}:1:flags=area,format=gray`];
  const args = ["-v", "error", "-xerror", ...input, "-i", target, "-map", "0:v:0", ...columns];
  const output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-"];
  const bytes = await runForOutput("ffmpeg", [...args, ...output]);
  return Array.from(
    { length: bytes.length / NUMBER_BITS },
    (_, index) => numberOf(bytes.subarray(index * NUMBER_BITS, (index + 1) * NUMBER_BITS)),
  );
}

export type Area = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

/** The number that a part of an image says. */
export async function readNumber(image: Uint8Array, area: Area): Promise<number> {
  const tile = await sharp(image).extract(area).greyscale().raw().toBuffer();
  const middle = Math.floor(area.height / 2) * area.width;
  const columns = Array.from({ length: NUMBER_BITS }, (_, bit) => {
    const column = Math.floor((bit + 0.5) * area.width / NUMBER_BITS);
    return tile[middle + column] ?? 0;
  });
  return numberOf(Uint8Array.from(columns));
}

function numberOf(columns: Uint8Array): number {
  return columns.reduce((sum, shade, bit) => sum + (shade >= THRESHOLD ? 2 ** bit : 0), 0);
}
