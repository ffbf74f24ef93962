import sharp from "sharp";
import { expect, test } from "vitest";
import { pictureArgs } from "#media-node/ladder/ffmpeg/picture-args.ts";
import { PictureReader } from "#media-node/ladder/ffmpeg/picture-reader.ts";
import { runForOutput } from "#test/helpers/ffmpeg.ts";
import { isAlike, type SplitJpeg, splitJpeg, stackJpegs } from "./stack-jpegs.ts";

/** Pictures of a moving pattern, as the ladder makes them. */
async function readPictures(size: string, seconds: number): Promise<Uint8Array[]> {
  const pictures: Uint8Array[] = [];
  const source = `testsrc2=size=${size}:rate=1:duration=${seconds},format=yuvj420p`;
  const mp4 = await runForOutput("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", source, ...pictureArgs(), "pipe:1"],
  ]);
  new PictureReader((_ptsMs, jpeg) => pictures.push(jpeg)).push(mp4);
  return pictures;
}

function split(jpeg: Uint8Array): SplitJpeg {
  const found = splitJpeg(jpeg);
  if (found === null) throw new Error("this JPEG cannot be stacked");
  return found;
}

const decode = (jpeg: Uint8Array) => sharp(jpeg).raw().toBuffer();

test.each(["160x90", "90x160", "160x68", "50x2"])(
  "stackJpegs() shows every picture of %s as it was",
  async (size) => {
    const jpegs = await readPictures(size, 60);
    expect(jpegs).toHaveLength(60);
    const pictures = jpegs.map(split);
    const [first] = pictures;
    const { width = 0, height = 0, codedHeight = 0 } = first ?? {};
    expect(`${width}x${height}`).toBe(size);
    const image = sharp(stackJpegs(pictures));
    expect(await image.metadata()).toMatchObject({ width, height: 60 * codedHeight });
    const pixels = await image.raw().toBuffer();
    const lineBytes = 3 * width;
    for (const [index, jpeg] of jpegs.entries()) {
      const at = index * codedHeight * lineBytes;
      // Of its last line the colours are smoothed with those of the line below.
      const shown = pixels.subarray(at + lineBytes, at + (height - 1) * lineBytes);
      const alone = (await decode(jpeg)).subarray(lineBytes, (height - 1) * lineBytes);
      expect(Buffer.compare(shown, alone)).toBe(0);
    }
  },
  20_000,
);

test("isAlike() tells pictures of another size or quality apart", async () => {
  const [one, other] = (await readPictures("160x90", 2)).map(split);
  const [upright] = (await readPictures("90x160", 1)).map(split);
  if (one === undefined || other === undefined || upright === undefined) throw new Error("none");
  expect([isAlike(one, other), isAlike(one, upright)]).toEqual([true, false]);
  const coarse = await sharp(await decode((await readPictures("160x90", 1))[0] ?? one.head), {
    raw: { width: 160, height: 90, channels: 3 },
  }).jpeg({ quality: 20 }).toBuffer();
  expect(isAlike(one, split(coarse))).toBe(false);
});

test("splitJpeg() refuses what cannot be stacked", async () => {
  const [jpeg = Uint8Array.of()] = await readPictures("160x90", 1);
  const progressive = await sharp(jpeg).jpeg({ progressive: true }).toBuffer();
  const restarted = stackJpegs([split(jpeg), split(jpeg)]);
  const cut = jpeg.subarray(0, 300);
  const noise = Uint8Array.from({ length: 500 }, (_, n) => n * 37);
  const endless = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0xff, 0xd9);
  for (const bytes of [progressive, restarted, cut, noise, endless, Uint8Array.of()]) {
    expect(splitJpeg(bytes)).toBeNull();
  }
});

test("stackJpegs() refuses more than an image can hold", async () => {
  const [jpeg = Uint8Array.of()] = await readPictures("160x90", 1);
  const pictures = Array.from({ length: 700 }, () => split(jpeg));
  expect(() => stackJpegs(pictures)).toThrow(RangeError);
  expect(() => stackJpegs([])).toThrow(RangeError);
});
