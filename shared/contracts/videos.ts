/**
 * Videos over HTTP.
 */
import * as z from "zod";
import { lineSchema, linesSchema } from "./text.ts";

export const videoStatusSchema = z.enum(["CREATED", "RUNNING", "ENDED"]);

/** What is kept of a broadcast. */
export const recordingBodySchema = z.object({
  status: z.enum(["available", "removed"]),
  bytes: z.int().nonnegative().nullable().describe("Null once it is removed"),
  removedAt: z.iso.datetime().nullable(),
  removedBecause: z.enum(["retention", "channel_budget", "total_budget"]).nullable(),
}).meta({ id: "Recording" });
export type RecordingBody = z.infer<typeof recordingBodySchema>;

/** A video as everybody sees it. */
export const videoBodySchema = z.object({
  id: z.uuid(),
  url: z.string().describe("The public name: 12 lower-case letters and digits"),
  title: z.string(),
  description: z.string().nullable(),
  thumbnail: z.url().nullable().describe("The largest ready variant"),
  status: videoStatusSchema,
  channelId: z.uuid(),
  playbackUrl: z.url().describe("The multivariant playlist: live, then the recording"),
  recording: recordingBodySchema.nullable().describe("Null before the end, and without one"),
  storyboardUrl: z.url().nullable().describe("WebVTT of thumbnails along the recording"),
  startedAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  durationMs: z.int().nonnegative().nullable(),
  createdAt: z.iso.datetime(),
}).meta({ id: "Video" });
export type VideoBody = z.infer<typeof videoBodySchema>;

export const newVideoSchema = z.strictObject({
  title: lineSchema(3, 150),
  description: linesSchema(5000).nullish(),
}).meta({ id: "NewVideo" });
export type NewVideo = z.infer<typeof newVideoSchema>;

export const videoChangesSchema = z.strictObject({
  title: lineSchema(3, 150).optional(),
  description: linesSchema(5000).nullish(),
}).meta({ id: "VideoChanges" });
export type VideoChanges = z.infer<typeof videoChangesSchema>;

export const videoQuerySchema = z.object({ status: videoStatusSchema.optional() });
export type VideoQuery = z.infer<typeof videoQuerySchema>;
