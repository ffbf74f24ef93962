/**
 * Clips over HTTP: parts of a recording with a URL of their own.
 */
import * as z from "zod";
import { lineSchema } from "./text.ts";

export const MIN_CLIP_S = 1;
export const MAX_CLIP_S = 600;

export const clipBodySchema = z.object({
  id: z.uuid(),
  url: z.string().describe("The public name: 12 lower-case letters and digits"),
  videoId: z.uuid(),
  title: z.string(),
  playbackUrl: z.url().describe("The multivariant playlist"),
  start: z.number().nonnegative()
    .describe("Seconds into the recording: where the segment with the wanted start begins"),
  end: z.number().positive().describe("…and where the one with the wanted end ends"),
  durationMs: z.int().positive(),
  createdAt: z.iso.datetime(),
}).meta({ id: "Clip" });
export type ClipBody = z.infer<typeof clipBodySchema>;

export const newClipSchema = z.strictObject({
  start: z.number().min(0).max(1e6).describe("Seconds into the recording"),
  end: z.number().min(0).max(1e6),
  title: lineSchema(3, 150).optional().describe("The video's title by default"),
}).refine(({ start, end }) => end - start >= MIN_CLIP_S && end - start <= MAX_CLIP_S, {
  path: ["end"],
  message: `expected ${MIN_CLIP_S} to ${MAX_CLIP_S} seconds after start`,
}).meta({ id: "NewClip" });
export type NewClip = z.infer<typeof newClipSchema>;
