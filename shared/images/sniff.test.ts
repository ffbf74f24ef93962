import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { type ImageFormat, sniffImage } from "./sniff.ts";

function noise(width: number, height: number) {
  return sharp({
    create: {
      width,
      height,
      channels: 3,
      background: "#000",
      noise: { type: "gaussian", mean: 128, sigma: 30 },
    },
  });
}

async function encode(format: ImageFormat): Promise<Uint8Array> {
  return await noise(321, 123).toFormat(format).toBuffer();
}

const FORMATS: readonly ImageFormat[] = ["jpeg", "png", "webp", "gif", "avif"];

describe("sniffImage()", () => {
  test.each(FORMATS)("reads format and size of %s", async (format) => {
    expect(sniffImage(await encode(format))).toEqual({ format, width: 321, height: 123 });
  });

  test("reads lossless and extended webp", async () => {
    const lossless = await noise(40, 30).webp({ lossless: true }).toBuffer();
    expect(sniffImage(lossless)).toEqual({ format: "webp", width: 40, height: 30 });
    const extended = await noise(41, 31).ensureAlpha(0.5).withExif({ IFD0: { Artist: "a" } })
      .webp().toBuffer();
    expect(sniffImage(extended)).toEqual({ format: "webp", width: 41, height: 31 });
  });

  test("reads progressive jpeg, behind EXIF and a colour profile", async () => {
    const bytes = await noise(64, 48).withMetadata({ orientation: 6 }).keepIccProfile()
      .jpeg({ progressive: true }).toBuffer();
    expect(sniffImage(bytes)).toEqual({ format: "jpeg", width: 64, height: 48 });
  });

  test("reads an avif with alpha", async () => {
    const bytes = await noise(64, 48).ensureAlpha(0.5).avif().toBuffer();
    expect(sniffImage(bytes)).toEqual({ format: "avif", width: 64, height: 48 });
  });

  test("takes a view into a larger buffer", async () => {
    const png = await encode("png");
    const padded = new Uint8Array(png.length + 100);
    padded.set(png, 50);
    expect(sniffImage(padded.subarray(50, 50 + png.length))?.width).toBe(321);
  });

  test.each([
    ["nothing", ""],
    ["text", "hello, this is no image at all"],
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ["HTML", "<!doctype html><html><body>hi</body></html>"],
    ["PDF", "%PDF-1.7\n1 0 obj\n<<>>\nendobj"],
    ["TIFF", "II*\0\x08\0\0\0\0\0\0\0\0\0\0\0"],
    ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"],
    ["BMP", "BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"],
  ])("answers null for %s", (_name, text) => {
    expect(sniffImage(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))).toBeNull();
  });

  test("a TIFF and an SVG made for real are refused", async () => {
    expect(sniffImage(await noise(20, 20).tiff().toBuffer())).toBeNull();
  });

  test.each(FORMATS)("every truncation of %s gives null or the true size", async (format) => {
    const bytes = await encode(format);
    for (let length = 0; length < Math.min(bytes.length, 600); length += 1) {
      const header = sniffImage(bytes.subarray(0, length));
      expect(header === null || (header.width === 321 && header.height === 123)).toBe(true);
    }
  });

  test.each(FORMATS)("garbage in the header of %s never throws and ends", async (format) => {
    const original = (await encode(format)).subarray(0, 600);
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 2000; round += 1) {
      const bytes = Uint8Array.from(original);
      for (let flips = 0; flips <= random(6); flips += 1) {
        bytes[random(bytes.length)] = random(256);
      }
      const header = sniffImage(bytes);
      expect(header === null || header.width > 0).toBe(true);
    }
  });

  test("a size of zero is no size", async () => {
    const png = Uint8Array.from(await encode("png"));
    png.fill(0, 16, 20);
    expect(sniffImage(png)).toBeNull();
  });
});
