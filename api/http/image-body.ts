/**
 * Images as callers see them, and the public names under which their variants are served.
 */
import type { AttachedImage } from "#db/users.ts";
import type { ImageVariant } from "#shared/contracts/control.ts";
import type { ImageBody } from "#shared/contracts/images.ts";
import type { ImagePurpose } from "#shared/contracts/jobs.ts";
import type { PublicUrls } from "../deps.ts";

const FOLDERS: Readonly<Record<ImagePurpose, string>> = {
  "profile-picture": "/user/profile-picture",
  thumbnail: "/videos/thumbnails",
};
const PUBLIC_NAME = /^([0-9a-f-]{36})-(\d{1,9})-(\d{1,4}\.(?:webp|jpe?g))$/;

/** The URL of a variant; it changes with the version, so an answer may be cached for ever. */
export function variantUrl(
  urls: PublicUrls,
  purpose: ImagePurpose,
  image: Pick<AttachedImage, "id" | "version">,
  variantName: string,
): string {
  return `${urls.api}${FOLDERS[purpose]}/${image.id}-${image.version}-${variantName}`;
}

/** The image, version and variant that a public name (`<id>-<version>-512.webp`) stands for. */
export function parseVariantName(
  name: string,
): { imageId: string; version: number; variantName: string } | null {
  const [, imageId, version, variantName] = PUBLIC_NAME.exec(name) ?? [];
  if (imageId === undefined || version === undefined || variantName === undefined) return null;
  return { imageId, version: Number(version), variantName };
}

/**
 * An image as its owner and everybody else sees it; the original is never part of it. While a newer
 * version is pending the variants of the one before stay.
 */
export function renderImage(
  urls: PublicUrls,
  purpose: ImagePurpose,
  image: AttachedImage,
): ImageBody {
  return {
    id: image.id,
    status: image.status,
    variants: (image.variants ?? []).map((variant) => ({
      url: variantUrl(urls, purpose, { id: image.id, version: versionOf(variant) }, variant.name),
      contentType: variant.contentType,
      width: variant.width,
      height: variant.height,
    })),
    failure: image.failureCode === null
      ? null
      : { code: image.failureCode, detail: image.failureDetail ?? "" },
  };
}

/** The URL of the largest variant, JPEG before WebP: what any player can show. */
export function largestVariantUrl(
  urls: PublicUrls,
  purpose: ImagePurpose,
  image: AttachedImage | null,
): string | null {
  const variants = image?.variants ?? [];
  const [largest] = variants.toSorted((left, right) =>
    right.width - left.width || left.contentType.localeCompare(right.contentType)
  );
  if (image === null || largest === undefined) return null;
  return variantUrl(urls, purpose, { id: image.id, version: versionOf(largest) }, largest.name);
}

/** Variants are stored as `<folder>/<image id>/<version>/<name>`. */
function versionOf(variant: ImageVariant): number {
  return Number(variant.key.split("/").at(-2));
}
