/**
 * The one table of what every image purpose is resized to.
 */
import type { ImagePurpose } from "#shared/contracts/jobs.ts";

export type VariantSize = { readonly width: number; readonly height: number };
export type VariantFormat = "webp" | "jpeg";

export type VariantSpec = VariantSize & {
  readonly format: VariantFormat;
  /** Last part of the storage key: width and extension. */
  readonly name: string;
  readonly contentType: "image/webp" | "image/jpeg";
};

/** Sizes from large to small; the picture is cropped to their shape and enlarged when it is smaller. */
const SIZES: Readonly<Record<ImagePurpose, readonly VariantSize[]>> = {
  "profile-picture": [square(512), square(256), square(80)],
  "thumbnail": [wide(1280), wide(640), wide(320)],
};

const FORMATS = [
  { format: "webp", extension: "webp", contentType: "image/webp" },
  { format: "jpeg", extension: "jpg", contentType: "image/jpeg" },
] as const;

function square(width: number): VariantSize {
  return { width, height: width };
}

function wide(width: number): VariantSize {
  return { width, height: width * 9 / 16 };
}

/** Every size in every format, from large to small. */
export function variantsOf(purpose: ImagePurpose): VariantSpec[] {
  return SIZES[purpose].flatMap((size) =>
    FORMATS.map(({ format, extension, contentType }) => ({
      ...size,
      format,
      name: `${size.width}.${extension}`,
      contentType,
    }))
  );
}
