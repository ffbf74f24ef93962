/**
 * Words shared by everything that speaks about a running broadcast.
 */
import * as z from "zod";
import { linesSchema, storableSchema } from "./text.ts";

/** The one reason a broadcast ended; logged once, stored, returned by the API. */
export const endReasonSchema = z.enum([
  "publisher_stopped", // the broadcaster pressed stop
  "publisher_lost", // the reconnect window passed without a return
  "never_started", // authorised, but no media came
  "key_revoked", // the stream key was rotated with `disconnect`
  "channel_deleted",
  "channel_disabled",
  "video_deleted",
  "limit_reached", // bitrate ceiling or maximum duration
  "unsupported_source", // a codec we cannot carry, named in the detail
  "transcoder_failed", // ffmpeg failed too often
  "storage_failed",
  "node_stopped", // graceful stop of the media node
  "node_lost", // the media node died or stopped reporting
]);
export type EndReason = z.infer<typeof endReasonSchema>;

export const renditionNameSchema = z.enum(["low", "mid", "high"]);
export type RenditionName = z.infer<typeof renditionNameSchema>;

export const latencySchema = z.enum(["lowest", "low", "standard"]);
export type Latency = z.infer<typeof latencySchema>;

export const ladderPolicySchema = z.enum(["auto", "encode", "copy"]);
export type LadderPolicy = z.infer<typeof ladderPolicySchema>;

/** What the media node may do with a broadcast, decided by its channel's settings. */
export const broadcastSettingsSchema = z.object({
  latency: latencySchema,
  recording: z.boolean(),
  ladder: ladderPolicySchema,
  reconnectWindowMs: z.int().min(0).max(600_000),
});
export type BroadcastSettings = z.infer<typeof broadcastSettingsSchema>;

export const MAX_ENCODER_CHARS = 200;

/** The publisher's media as seen on the wire. */
export const sourceFactsSchema = z.object({
  video: z.object({
    codec: storableSchema, // RFC 6381, e.g. "avc1.64001f"
    width: z.int().positive(),
    height: z.int().positive(),
    fps: z.number().positive().nullable(),
    bitrateBps: z.int().nonnegative().nullable(),
  }).nullable(),
  audio: z.object({
    codec: storableSchema, // "mp4a.40.2"
    sampleRateHz: z.int().positive(),
    channels: z.int().positive(),
  }).nullable(),
  encoder: linesSchema(MAX_ENCODER_CHARS).nullable(), // as the encoder names itself in onMetaData
});
export type SourceFacts = z.infer<typeof sourceFactsSchema>;

/** One rung of the ladder as it is served. */
export const renditionFactsSchema = z.object({
  name: renditionNameSchema,
  width: z.int().positive().nullable(), // null: audio only
  height: z.int().positive().nullable(),
  isCopy: z.boolean(),
});
export type RenditionFacts = z.infer<typeof renditionFactsSchema>;
