import { concatBytes, makePng, makePngBomb } from "#test/helpers/images.ts";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { ImageRefusedError } from "./image-limits.ts";
import { resizeImage } from "./resize.ts";
import { variantsOf } from "./variants.ts";

const RED = [220, 40, 40];
const GREEN = [40, 180, 60];
const BLUE = [40, 60, 220];
const WHITE = [250, 250, 250];
/** Colours of the four quarters: left and right above, left and right below. */
const QUARTERS = [RED, GREEN, BLUE, WHITE];

type Raw = { readonly width: number; readonly height: number; readonly data: Uint8Array };

/** An upright picture with one colour in each quarter, seen through `map` from stored to upright. */
function quarters(
  width: number,
  height: number,
  map: (x: number, y: number) => readonly [number, number] = (x, y) => [x, y],
  upright: { readonly width: number; readonly height: number } = { width, height },
): Raw {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [ux, uy] = map(x, y);
      const index = (ux < upright.width / 2 ? 0 : 1) + (uy < upright.height / 2 ? 0 : 2);
      data.set(QUARTERS[index] ?? [], (y * width + x) * 3);
    }
  }
  return { width, height, data };
}

function fromRaw({ width, height, data }: Raw) {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

const W = 640;
const H = 480;
const picture = () => fromRaw(quarters(W, H));

async function pixelAt(bytes: Uint8Array, xPart: number, yPart: number): Promise<number[]> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const x = Math.floor(info.width * xPart);
  const y = Math.floor(info.height * yPart);
  const at = (y * info.width + x) * info.channels;
  return [...data.subarray(at, at + info.channels)];
}

async function expectQuarters(bytes: Uint8Array, tolerance = 25): Promise<void> {
  const places = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]] as const;
  for (const [index, [x, y]] of places.entries()) {
    expectColour(await pixelAt(bytes, x, y), QUARTERS[index] ?? [], tolerance);
  }
}

function expectColour(pixel: readonly number[], colour: readonly number[], tolerance: number) {
  const difference = Math.max(
    ...colour.map((value, index) => Math.abs(value - (pixel[index] ?? 0))),
  );
  expect(difference, `${pixel.join()} is not ${colour.join()}`).toBeLessThanOrEqual(tolerance);
}

/** The code with which `bytes` are refused, within the time a bomb may take. */
async function refusalOf(bytes: Uint8Array, deadlineMs = 1000): Promise<string> {
  const before = performance.now();
  const error: unknown = await resizeImage(bytes, "profile-picture").then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(performance.now() - before).toBeLessThan(deadlineMs);
  if (!(error instanceof ImageRefusedError)) return expect.unreachable(`not refused: ${error}`);
  return error.code;
}

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

describe("resizeImage()", () => {
  test("makes every size of a profile picture, square, in both formats", async () => {
    const variants = await resizeImage(await picture().jpeg().toBuffer(), "profile-picture");
    expect(variants.map(({ name }) => name))
      .toEqual(["512.webp", "512.jpg", "256.webp", "256.jpg", "80.webp", "80.jpg"]);
    for (const variant of variants) {
      const { format, width, height, space } = await sharp(variant.bytes).metadata();
      expect({ format, width, height, space }).toEqual({
        format: variant.format,
        width: variant.width,
        height: variant.width,
        space: "srgb",
      });
      await expectQuarters(variant.bytes);
    }
  });

  test("makes every size of a thumbnail, 16:9", async () => {
    const variants = await resizeImage(await picture().png().toBuffer(), "thumbnail");
    for (const [index, variant] of variants.entries()) {
      const { width, height } = await sharp(variant.bytes).metadata();
      expect({ width, height }).toEqual(pick(variantsOf("thumbnail")[index]));
      await expectQuarters(variant.bytes);
    }
    expect(variants.map(({ width, height }) => `${width}x${height}`))
      .toEqual(["1280x720", "1280x720", "640x360", "640x360", "320x180", "320x180"]);
  });

  test("gives the same bytes each time", async () => {
    const bytes = await picture().jpeg().toBuffer();
    expect(await resizeImage(bytes, "profile-picture"))
      .toEqual(await resizeImage(bytes, "profile-picture"));
  });

  test("enlarges what is smaller", async () => {
    const small = await fromRaw(quarters(16, 16)).png().toBuffer();
    const [largest] = await resizeImage(small, "profile-picture");
    expect((await sharp(largest?.bytes).metadata()).width).toBe(512);
  });

  // Stored → upright, by EXIF 2.32 4.6.4 (Orientation); 5…8 swap the sides.
  const ORIENTATIONS: readonly [number, (x: number, y: number) => [number, number]][] = [
    [1, (x, y) => [x, y]],
    [2, (x, y) => [W - 1 - x, y]],
    [3, (x, y) => [W - 1 - x, H - 1 - y]],
    [4, (x, y) => [x, H - 1 - y]],
    [5, (x, y) => [y, x]],
    [6, (x, y) => [W - 1 - y, x]],
    [7, (x, y) => [W - 1 - y, H - 1 - x]],
    [8, (x, y) => [y, H - 1 - x]],
  ];
  test.each(ORIENTATIONS)("turns orientation %i upright", async (orientation, map) => {
    const [width, height] = orientation > 4 ? [H, W] : [W, H];
    const bytes = await fromRaw(quarters(width, height, map, { width: W, height: H }))
      .withMetadata({ orientation }).jpeg().toBuffer();
    expect((await sharp(bytes).metadata()).orientation).toBe(orientation);
    for (const variant of await resizeImage(bytes, "thumbnail")) {
      await expectQuarters(variant.bytes);
      expect((await sharp(variant.bytes).metadata()).orientation).toBeUndefined();
    }
  });

  test("output carries no metadata", async () => {
    const bytes = await picture().withMetadata().withExif({
      IFD0: { Artist: "SECRET-ARTIST" },
      IFD3: { GPSLatitude: "51/1 30/1 0/1" },
    }).withXmp("<x:xmpmeta xmlns:x='adobe:ns:meta/'>SECRET-XMP</x:xmpmeta>").jpeg().toBuffer();
    expect(Buffer.from(bytes).includes("SECRET-ARTIST")).toBe(true);
    for (const variant of await resizeImage(bytes, "profile-picture")) {
      const { exif, xmp, icc, iptc } = await sharp(variant.bytes).metadata();
      expect({ exif, xmp, icc, iptc }).toEqual({});
      expect(Buffer.from(variant.bytes).includes("SECRET")).toBe(false);
    }
  });

  test("CMYK becomes sRGB", async () => {
    const bytes = await picture().toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe("cmyk");
    for (const variant of await resizeImage(bytes, "profile-picture")) {
      expect((await sharp(variant.bytes).metadata()).space).toBe("srgb");
      await expectQuarters(variant.bytes, 80); // print knows no such blue
    }
  });

  test("16 bits a channel become 8", async () => {
    const bytes = await picture().toColourspace("rgb16").png().toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe("ushort");
    for (const variant of await resizeImage(bytes, "profile-picture")) {
      await expectQuarters(variant.bytes);
    }
  });

  test("grey stays grey, with and without alpha", async () => {
    for (const image of [picture().greyscale(), picture().greyscale().ensureAlpha(0.9)]) {
      const variants = await resizeImage(await image.png().toBuffer(), "profile-picture");
      for (const variant of variants) {
        const [red = 0, green = 0, blue = red] = await pixelAt(variant.bytes, 0.25, 0.25);
        expect(Math.abs(red - blue)).toBeLessThan(12);
        expect(green).toBeGreaterThan(0);
      }
    }
  });

  test("what is transparent stays so in webp and becomes white in jpeg", async () => {
    const bytes = await picture().ensureAlpha(0).png().toBuffer();
    for (const variant of await resizeImage(bytes, "profile-picture")) {
      const pixel = await pixelAt(variant.bytes, 0.25, 0.25);
      if (variant.format === "webp") expect(pixel[3]).toBe(0);
      else expectColour(pixel, [255, 255, 255], 3);
    }
  });

  test.each(["webp", "avif", "gif", "png"] as const)("reads %s", async (format) => {
    const bytes = await picture().toFormat(format).toBuffer();
    for (const variant of await resizeImage(bytes, "profile-picture")) {
      await expectQuarters(variant.bytes, 40);
    }
  });

  test.each(["gif", "webp"] as const)("of an animated %s takes the first frame", async (format) => {
    const frames = [quarters(W, H), { width: W, height: H, data: new Uint8Array(W * H * 3) }];
    const bytes = await sharp(concatBytes(frames.map(({ data }) => data)), {
      raw: { width: W, height: H * 2, channels: 3, pageHeight: H },
    }).toFormat(format).toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(2);
    for (const variant of await resizeImage(bytes, "profile-picture")) {
      await expectQuarters(variant.bytes, 40);
      expect((await sharp(variant.bytes).metadata()).pages).toBeUndefined();
    }
  });

  test("a ZIP behind a JPEG is gone from the output", async () => {
    const zip = ascii("PK\x03\x04" + "hidden-payload".repeat(100));
    const bytes = concatBytes([await picture().jpeg().toBuffer(), zip]);
    for (const variant of await resizeImage(bytes, "profile-picture")) {
      await expectQuarters(variant.bytes);
      expect(Buffer.from(variant.bytes).includes("PK\x03\x04")).toBe(false);
      expect(Buffer.from(variant.bytes).includes("hidden-payload")).toBe(false);
    }
  });
});

describe("resizeImage() refuses", () => {
  test.each([
    ["nothing", new Uint8Array()],
    ["HTML named .jpg", ascii("<!doctype html><html><script>alert(1)</script></html>")],
    ["SVG", ascii('<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"></svg>')],
    ["SVG with a prolog", ascii('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')],
    ["PDF", ascii("%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n")],
    ["HEIC", ascii("\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta")],
    ["a JPEG's first bytes", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1)],
    ["a HEIC that claims to be AVIF", ascii("\0\0\0\x18ftypavif\0\0\0\0mif1heic\0\0\0\x08meta")],
  ])("%s", async (_name, bytes) => {
    expect(await refusalOf(bytes)).toBe("UNSUPPORTED_IMAGE");
  });

  test("TIFF", async () => {
    expect(await refusalOf(await picture().tiff().toBuffer())).toBe("UNSUPPORTED_IMAGE");
  });

  test.each(["jpeg", "png", "webp", "gif", "avif"] as const)("a %s cut in half", async (format) => {
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    const create = { width: 160, height: 120, channels: 3, background: "#000", noise } as const;
    const bytes = await sharp({ create }).toFormat(format).toBuffer();
    expect(await refusalOf(bytes.subarray(0, bytes.length / 2), 5000)).toBe("UNSUPPORTED_IMAGE");
  });

  test("a PNG with a bad CRC", async () => {
    const bytes = Uint8Array.from(await picture().png().toBuffer());
    const data = Buffer.from(bytes).indexOf("IDAT") + 20;
    bytes[data] = (bytes[data] ?? 0) ^ 0xff;
    expect(await refusalOf(bytes)).toBe("UNSUPPORTED_IMAGE");
  });

  test.each(
    [
      ["30000×30000 at 1 bit", { width: 30_000, height: 30_000, bitDepth: 1 }],
      ["16000×16000 RGBA", { width: 16_000, height: 16_000, colourType: 6 }],
      ["2³¹ − 1 pixels wide", { width: 2 ** 31 - 1, height: 2 ** 31 - 1 }],
      ["60000×1", { width: 60_000, height: 1 }],
      ["1×60000", { width: 1, height: 60_000 }],
      ["12001×100", { width: 12_001, height: 100 }],
      ["8000×7000", { width: 8000, height: 7000 }],
    ] as const,
  )("a PNG of %s at once", async (_name, options) => {
    expect(await refusalOf(makePng(options), 100)).toBe("IMAGE_TOO_LARGE");
  });

  test("a GIF of 65535×65535 at once", async () => {
    const header = ascii("GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff");
    expect(await refusalOf(concatBytes([header, new Uint8Array(20)]), 100)).toBe("IMAGE_TOO_LARGE");
  });

  test("less than 16 pixels a side", async () => {
    const bytes = await fromRaw(quarters(15, 600)).png().toBuffer();
    expect(await refusalOf(bytes)).toBe("UNSUPPORTED_IMAGE");
  });

  test("more than 10 MiB", async () => {
    const jpeg = await picture().jpeg().toBuffer();
    const bytes = concatBytes([jpeg, new Uint8Array(10 * 1024 * 1024 + 1 - jpeg.length)]);
    expect(await refusalOf(bytes, 100)).toBe("IMAGE_TOO_LARGE");
    expect(await resizeImage(bytes.subarray(0, -1), "profile-picture")).toHaveLength(6);
  });
});

describe("resizeImage() and bombs", () => {
  const rssBytes = () => process.memoryUsage.rss();

  test.each(["zTXt", "iCCP"] as const)("a %s bomb costs no memory", async (type) => {
    const bytes = makePng({
      width: 64,
      height: 64,
      extra: [makePngBomb(type, 300_000_000)],
      pixelBytes: 64 * 65,
    });
    Bun.gc(true);
    const before = rssBytes();
    await resizeImage(bytes, "profile-picture").catch((error: unknown) =>
      expect(error).toBeInstanceOf(ImageRefusedError)
    );
    expect(rssBytes() - before).toBeLessThan(60_000_000);
  });

  test("five at once: memory stays, each is refused within 100 ms", async () => {
    const bomb = makePng({ width: 16_000, height: 16_000, colourType: 6, pixelBytes: 1000 });
    const before = rssBytes();
    const codes = await Promise.all([1, 2, 3, 4, 5].map(() => refusalOf(bomb, 100)));
    expect(codes).toEqual(Array(5).fill("IMAGE_TOO_LARGE"));
    expect(rssBytes() - before).toBeLessThan(50_000_000);
  });
});

function pick(size: { width: number; height: number } | undefined) {
  return { width: size?.width, height: size?.height };
}
