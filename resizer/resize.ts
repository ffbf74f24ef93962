/**
 * Bytes in, variants out: decode once, encode every size from that.
 */
import type { ImagePurpose } from "#shared/contracts/jobs.ts";
import { messageOf } from "#shared/errors.ts";
import sharp, { type Sharp } from "sharp";
import { checkImage, IMAGE_LIMITS, ImageRefusedError } from "./image-limits.ts";
import { type VariantSize, variantsOf, type VariantSpec } from "./variants.ts";

export type ResizedVariant = VariantSpec & { readonly bytes: Uint8Array };

const TIMEOUT = { seconds: IMAGE_LIMITS.decodeDeadlineS };
const QUALITY = 80;

/**
 * Every variant of the image, upright, in sRGB, without metadata; of an animation its first frame.
 * @throws ImageRefusedError when the image is at fault
 */
export async function resizeImage(
  bytes: Uint8Array,
  purpose: ImagePurpose,
): Promise<ResizedVariant[]> {
  return await renderVariants(bytes, variantsOf(purpose));
}

/**
 * As `resizeImage`, for the variants asked for, which come from large to small.
 * @throws ImageRefusedError when the image is at fault
 */
export async function renderVariants(
  bytes: Uint8Array,
  specs: readonly VariantSpec[],
): Promise<ResizedVariant[]> {
  const [largest] = specs;
  if (largest === undefined) return [];
  checkImage(bytes);
  let pixels = await decode(bytes, largest);
  const variants: ResizedVariant[] = [];
  for (const spec of specs) {
    // Each size from the one before: at most 3.2 times smaller in one step.
    if (pixels.info.width !== spec.width) pixels = await shrink(pixels, spec);
    variants.push({ ...spec, bytes: await encode(pixels, spec) });
  }
  return variants;
}

type Pixels = {
  readonly data: Uint8Array;
  readonly info: {
    readonly width: number;
    readonly height: number;
    readonly channels: 1 | 2 | 3 | 4;
  };
};

/** Raw 8-bit sRGB pixels of exactly that size; a JPEG is shrunk while it is decoded. */
async function decode(bytes: Uint8Array, { width, height }: VariantSize): Promise<Pixels> {
  const image = sharp(bytes, {
    limitInputPixels: IMAGE_LIMITS.maxPixels,
    failOn: "error", // truncated or damaged pixels; a mere warning is common in cameras' files
    sequentialRead: true,
    autoOrient: true,
  });
  try {
    return await image
      .resize({ width, height, fit: "cover" })
      .toColourspace("srgb")
      .timeout(TIMEOUT)
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw refuse(error);
  }
}

function refuse(error: unknown): ImageRefusedError {
  const reason = messageOf(error);
  const isTooLarge = /pixel limit|timeout/i.test(reason);
  return new ImageRefusedError(
    isTooLarge ? "IMAGE_TOO_LARGE" : "UNSUPPORTED_IMAGE",
    `the image cannot be decoded: ${reason.split("\n")[0]}`,
    { cause: error },
  );
}

function fromPixels({ data, info: { width, height, channels } }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } }).timeout(TIMEOUT);
}

async function shrink(pixels: Pixels, { width, height }: VariantSize): Promise<Pixels> {
  return await fromPixels(pixels).resize({ width, height }).raw().toBuffer({
    resolveWithObject: true,
  });
}

async function encode(pixels: Pixels, { format }: VariantSpec): Promise<Uint8Array> {
  const image = fromPixels(pixels);
  switch (format) {
    case "webp":
      return await image.webp({ quality: QUALITY, effort: 2 }).toBuffer();
    case "jpeg": // mozjpeg costs 14 times the CPU for 17 % fewer bytes
      // JPEG has no alpha: what is transparent becomes white.
      return await image.flatten({ background: "#ffffff" }).jpeg({ quality: QUALITY }).toBuffer();
  }
}
