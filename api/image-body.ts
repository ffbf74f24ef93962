/**
 * Images as callers see them, and the public names under which their variants are served.
 */
import * as z from "zod";
import type { ImageStatus } from "#db/schema.ts";
import type { ImageVariant } from "#shared/contracts/control.ts";
import type { ImagePurpose } from "#shared/contracts/jobs.ts";
import type { PublicUrls } from "./deps.ts";

export const imageVariantBodySchema = z.object({
  url: z.url(),
  contentType: z.enum(["image/webp", "image/jpeg"]),
  width: z.int().positive(),
  height: z.int().positive(),
}).meta({ id: "ImageVariant" });

export const imageBodySchema = z.object({
  id: z.uuid(),
  status: z.enum(["pending", "ready", "failed"]),
  /** Empty until the status is ready. */
  variants: z.array(imageVariantBodySchema),
  failure: z.object({ code: z.string(), detail: z.string() }).nullable(),
}).meta({ id: "Image" });
export type ImageBody = z.infer<typeof imageBodySchema>;

/** What a query selects of an image for its body. */
export type ImageFacts = {
  readonly id: string;
  readonly version: number;
  readonly status: ImageStatus;
  readonly variants: readonly ImageVariant[] | null;
  readonly failureCode: string | null;
  readonly failureDetail: string | null;
};

const FOLDERS: Readonly<Record<ImagePurpose, string>> = {
  "profile-picture": "/user/profile-picture",
  thumbnail: "/videos/thumbnails",
};
const PUBLIC_NAME = /^([0-9a-f-]{36})-(\d{1,9})-(\d{1,4}\.(?:webp|jpe?g))$/;

/** The URL of a variant; it changes with the version, so an answer may be cached for ever. */
export function variantUrl(
  urls: PublicUrls,
  purpose: ImagePurpose,
  image: Pick<ImageFacts, "id" | "version">,
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

/** An image as its owner and everybody else sees it; the original is never part of it. */
export function renderImage(
  urls: PublicUrls,
  purpose: ImagePurpose,
  image: ImageFacts,
): ImageBody {
  const variants = image.status === "ready" ? image.variants ?? [] : [];
  return {
    id: image.id,
    status: image.status,
    variants: variants.map((variant) => ({
      url: variantUrl(urls, purpose, image, variant.name),
      contentType: variant.contentType,
      width: variant.width,
      height: variant.height,
    })),
    failure: image.failureCode === null
      ? null
      : { code: image.failureCode, detail: image.failureDetail ?? "" },
  };
}
