/**
 * A 12-megapixel photograph nobody took: octaves of noise with the spectrum of natural pictures
 * (equal contrast in every octave, the finest softened by the lens), soft colours, to be turned by EXIF.
 */
import sharp from "sharp";

const WIDTH = 4000;
const HEIGHT = 3000;
/** Width of each octave's grid and its contrast. */
const OCTAVES: readonly (readonly [number, number])[] = [
  [8, 30],
  [16, 26],
  [32, 22],
  [64, 18],
  [128, 15],
  [256, 12],
  [512, 10],
  [1024, 8],
  [2000, 6],
  [4000, 4.5],
];
const COLOUR_OCTAVES: readonly (readonly [number, number])[] = [[8, 25], [32, 15], [128, 6]];

/** The JPEG's bytes, about 3.3 MB; the same spectrum each time, not the same bytes. */
export async function makePhoto(): Promise<Uint8Array> {
  const light = await sumOctaves(OCTAVES);
  const red = await sumOctaves(COLOUR_OCTAVES);
  const blue = await sumOctaves(COLOUR_OCTAVES);
  const pixels = new Uint8ClampedArray(WIDTH * HEIGHT * 3);
  for (let index = 0; index < WIDTH * HEIGHT; index += 1) {
    const base = 128 + (light[index] ?? 0);
    pixels[index * 3] = base + (red[index] ?? 0);
    pixels[index * 3 + 1] = base;
    pixels[index * 3 + 2] = base + (blue[index] ?? 0);
  }
  const jpeg = await sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 88 }).toBuffer();
  return insertOrientation(jpeg);
}

/** EXIF as a camera held upright writes it (orientation 6), and no colour profile, like most. */
function insertOrientation(jpeg: Uint8Array): Uint8Array {
  const exif = new TextEncoder().encode("Exif\0\0MM\0\x2a\0\0\0\x08");
  // One entry: tag 0x0112, type SHORT, one value, 6; no further directory.
  const directory = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
  const length = 2 + exif.length + directory.length;
  const segment = [0xff, 0xe1, length >> 8, length & 255, ...exif, ...directory];
  return Buffer.concat([jpeg.subarray(0, 2), Uint8Array.from(segment), jpeg.subarray(2)]);
}

async function sumOctaves(octaves: readonly (readonly [number, number])[]): Promise<Float32Array> {
  const sum = new Float32Array(WIDTH * HEIGHT);
  for (const [width, sigma] of octaves) {
    const noise = await sharp({
      create: {
        width,
        height: Math.ceil(width * HEIGHT / WIDTH),
        channels: 3,
        background: "#808080",
        noise: { type: "gaussian", mean: 128, sigma },
      },
    }).png({ compressionLevel: 1 }).toBuffer();
    const grown = await sharp(noise).resize(WIDTH, HEIGHT, { fit: "fill", kernel: "cubic" })
      .extractChannel(0).raw().toBuffer();
    for (let index = 0; index < sum.length; index += 1) {
      sum[index] = (sum[index] ?? 0) + (grown[index] ?? 0) - 128;
    }
  }
  return sum;
}
