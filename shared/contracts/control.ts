/**
 * What media nodes and the resizer say to the API under `/control/*`, with the service token.
 *
 * Every write about a broadcast carries `nodeId` and the `epoch` that `authorise` gave out. The API
 * raises the epoch when a broadcast changes hands, answers an older one with 409 STALE_EPOCH, and
 * answers a repeated write as it did the first time.
 */
import * as z from "zod";
import {
  broadcastSettingsSchema,
  endReasonSchema,
  renditionFactsSchema,
  sourceFactsSchema,
} from "./broadcast.ts";
import { reportedIssueSchema } from "./issues.ts";
import { linesSchema, storableSchema } from "./text.ts";

/** Of what went wrong, in words. */
export const MAX_DETAIL_CHARS = 500;

const nodeIdSchema = linesSchema(100).min(1);
const broadcastRefSchema = z.object({
  nodeId: nodeIdSchema,
  broadcastId: z.uuid(),
  epoch: z.int().positive(),
});

/** `POST /control/authorise`: may this publisher go live, and into which video? */
export const authoriseRequestSchema = z.object({
  nodeId: nodeIdSchema,
  /** New for each start of the node's process: a restarted node takes its broadcasts over. */
  nodeInstanceId: z.uuid(),
  /** New for each publish attempt; makes a retried request idempotent. */
  publisherId: z.uuid(),
  streamKey: z.string().min(1).max(256),
  remoteAddress: linesSchema(64),
});
export type AuthoriseRequest = z.infer<typeof authoriseRequestSchema>;

/** The answer; a refusal is a 400 problem whose `code` says which. */
export const authoriseResponseSchema = z.object({
  broadcastId: z.uuid(),
  epoch: z.int().positive(),
  /** The channel's broadcast runs already (or waits for its publisher) on this same node. */
  isResumed: z.boolean(),
  channelId: z.uuid(),
  videoId: z.uuid(),
  videoUrl: z.string(),
  /** A thumbnail is wanted: the broadcaster has not uploaded one, and no frame is there yet. */
  wantsThumbnail: z.boolean(),
  settings: broadcastSettingsSchema,
});
export type AuthoriseResponse = z.infer<typeof authoriseResponseSchema>;

/** `POST /control/started`: the first media arrived; the video is RUNNING, the channel LIVE. */
export const startedRequestSchema = broadcastRefSchema.extend({
  startedAt: z.iso.datetime(),
  source: sourceFactsSchema,
  renditions: z.array(renditionFactsSchema).min(1).max(8),
});
export type StartedRequest = z.infer<typeof startedRequestSchema>;

/** `POST /control/progress`: every few seconds, one report for all broadcasts of a node. */
export const progressRequestSchema = z.object({
  nodeId: nodeIdSchema,
  broadcasts: z.array(z.object({
    broadcastId: z.uuid(),
    epoch: z.int().positive(),
    state: z.enum(["live", "waiting"]), // waiting: inside the reconnect window
    durationMs: z.int().nonnegative(),
    ingestBitrateBps: z.int().nonnegative(),
    fps: z.number().nonnegative(),
    encodeSpeed: z.number().nonnegative().nullable(), // 1 = as fast as real time
    viewers: z.int().nonnegative(),
    recordedBytes: z.int().nonnegative().optional(), // in storage so far
    renditions: z.array(renditionFactsSchema).min(1).max(8).optional(), // a copy may have been given up
    issues: z.array(reportedIssueSchema).max(40),
  })).max(1000),
});
export type ProgressRequest = z.infer<typeof progressRequestSchema>;

/** What the API wants stopped; the node ends those broadcasts with the reason given. */
export const progressResponseSchema = z.object({
  stop: z.array(z.object({ broadcastId: z.uuid(), reason: endReasonSchema })),
});
export type ProgressResponse = z.infer<typeof progressResponseSchema>;

/** `POST /control/ended`: the broadcast is over and what was recorded is complete. */
export const endedRequestSchema = broadcastRefSchema.extend({
  endedAt: z.iso.datetime(),
  reason: endReasonSchema,
  detail: linesSchema(MAX_DETAIL_CHARS).nullable(),
  durationMs: z.int().nonnegative(),
  recordedBytes: z.int().nonnegative(), // 0: nothing is kept
});
export type EndedRequest = z.infer<typeof endedRequestSchema>;

/** `POST /control/poster`: a frame of the broadcast lies in storage under `sourceKey`. */
export const posterRequestSchema = broadcastRefSchema.extend({
  sourceKey: linesSchema(300).min(1),
});
export type PosterRequest = z.infer<typeof posterRequestSchema>;

/** One stored size of an image. */
export const imageVariantSchema = z.object({
  name: storableSchema, // "512.webp": the last part of its key
  key: storableSchema,
  contentType: z.enum(["image/webp", "image/jpeg"]),
  width: z.int().positive(),
  height: z.int().positive(),
  bytes: z.int().positive(),
});
export type ImageVariant = z.infer<typeof imageVariantSchema>;

/** `POST /control/image`: the resizer is done with one version of an image. */
export const imageReportSchema = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("ready"),
    imageId: z.uuid(),
    version: z.int().positive(),
    variants: z.array(imageVariantSchema).min(1).max(20),
  }),
  z.object({
    status: z.literal("failed"),
    imageId: z.uuid(),
    version: z.int().positive(),
    code: z.enum(["UNSUPPORTED_IMAGE", "IMAGE_TOO_LARGE", "INTERNAL"]),
    detail: linesSchema(MAX_DETAIL_CHARS),
  }),
]);
export type ImageReport = z.infer<typeof imageReportSchema>;

/** `POST /control/download`: how far a media worker is with an MP4. */
export const downloadReportSchema = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("running"),
    downloadId: z.uuid(),
    progress: z.number().min(0).max(1),
  }),
  z.object({
    status: z.literal("ready"),
    downloadId: z.uuid(),
    bytes: z.int().positive(),
  }),
  z.object({
    status: z.literal("failed"),
    downloadId: z.uuid(),
    code: z.enum(["RECORDING_GONE", "RECORDING_DAMAGED", "INTERNAL"]),
    detail: linesSchema(MAX_DETAIL_CHARS),
  }),
]);
export type DownloadReport = z.infer<typeof downloadReportSchema>;

/** `POST /control/storyboard`: the storyboard of a video lies in storage. */
export const storyboardReportSchema = z.object({
  videoId: z.uuid(),
  frames: z.int().positive(),
});
export type StoryboardReport = z.infer<typeof storyboardReportSchema>;
