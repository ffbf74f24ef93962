/**
 * Images as callers of the API see them; the original is never part of it.
 */
import * as z from "zod";

export const imageVariantBodySchema = z.object({
  url: z.url(),
  contentType: z.enum(["image/webp", "image/jpeg"]),
  width: z.int().positive(),
  height: z.int().positive(),
}).meta({ id: "ImageVariant" });

export const imageBodySchema = z.object({
  id: z.uuid(),
  status: z.enum(["pending", "ready", "failed"]),
  variants: z.array(imageVariantBodySchema).describe("Empty until the status is ready"),
  failure: z.object({ code: z.string(), detail: z.string() }).nullable(),
}).meta({ id: "Image" });
export type ImageBody = z.infer<typeof imageBodySchema>;
