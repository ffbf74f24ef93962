/**
 * Which images are accepted, decided from their header before anything is decoded.
 */
import { type ImageHeader, sniffImage } from "#shared/images/sniff.ts";

export const IMAGE_LIMITS = {
  maxBytes: 10 * 1024 * 1024,
  maxPixels: 50_000_000,
  minSide: 16,
  maxSide: 12_000,
  decodeDeadlineS: 5,
} as const;

/** The image itself is at fault: it is reported and never tried again. */
export class ImageRefusedError extends Error {
  override readonly name = "ImageRefusedError";
  readonly code: "UNSUPPORTED_IMAGE" | "IMAGE_TOO_LARGE";
  constructor(code: ImageRefusedError["code"], detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}

/** The header of an acceptable image. @throws ImageRefusedError */
export function checkImage(bytes: Uint8Array): ImageHeader {
  const { maxBytes, maxPixels, minSide, maxSide } = IMAGE_LIMITS;
  if (bytes.length > maxBytes) {
    throw new ImageRefusedError("IMAGE_TOO_LARGE", `the file is larger than ${maxBytes} bytes`);
  }
  const header = sniffImage(bytes);
  if (header === null) {
    const detail = "the file is not a readable JPEG, PNG, WebP, GIF or AVIF";
    throw new ImageRefusedError("UNSUPPORTED_IMAGE", detail);
  }
  const { width, height } = header;
  const is = `the image is ${width}×${height} pixels`;
  if (Math.max(width, height) > maxSide || width * height > maxPixels) {
    const limit = `at most ${maxSide} a side and ${maxPixels / 1e6} million in all`;
    throw new ImageRefusedError("IMAGE_TOO_LARGE", `${is}, expected ${limit}`);
  }
  if (Math.min(width, height) < minSide) {
    throw new ImageRefusedError("UNSUPPORTED_IMAGE", `${is}, expected at least ${minSide} a side`);
  }
  return header;
}
