/**
 * Channels over HTTP.
 */
import * as z from "zod";
import { ladderPolicySchema, latencySchema } from "./broadcast.ts";
import { lineSchema, linesSchema } from "./text.ts";

export const channelStatusSchema = z.enum(["IDLE", "LIVE"]);

/** A channel as its owner sees it. */
export const channelBodySchema = z.object({
  id: z.uuid(),
  status: channelStatusSchema,
  userId: z.uuid(),
  streamKey: z.string(),
  ingestUrl: z.string().describe("The server to enter in OBS"),
  title: z.string().nullable(),
  description: z.string().nullable(),
  latency: latencySchema,
  recording: z.boolean(),
  ladder: ladderPolicySchema,
  reconnectWindowSeconds: z.int(),
  retentionDays: z.int().nullable().describe("Recordings older than this are removed"),
  recordingBudgetBytes: z.int().nullable()
    .describe("What recordings may take together; the oldest are removed first"),
  disabledAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
}).meta({ id: "Channel" });
export type ChannelBody = z.infer<typeof channelBodySchema>;

/** A channel as everybody sees it. */
export const publicChannelBodySchema = z.object({
  id: z.uuid(),
  status: channelStatusSchema,
  userId: z.uuid(),
  username: z.string(),
  title: z.string().nullable(),
  description: z.string().nullable(),
  createdAt: z.iso.datetime(),
}).meta({ id: "PublicChannel" });
export type PublicChannelBody = z.infer<typeof publicChannelBodySchema>;

export const channelChangesSchema = z.strictObject({
  title: lineSchema(3, 150).nullish(),
  description: linesSchema(5000).nullish(),
  latency: latencySchema.optional(),
  recording: z.boolean().optional(),
  ladder: ladderPolicySchema.optional(),
  reconnectWindowSeconds: z.int().min(0).max(600).optional(),
  retentionDays: z.int().min(1).max(3650).nullish(),
  recordingBudgetBytes: z.int().nonnegative().nullish(),
}).meta({ id: "ChannelChanges" });
export type ChannelChanges = z.infer<typeof channelChangesSchema>;

export const streamKeyChangeSchema = z.strictObject({
  disconnect: z.boolean().default(false).describe("End a running broadcast"),
  graceSeconds: z.int().min(0).max(3600).default(0).describe("…after this long"),
}).meta({ id: "StreamKeyChange" });
export type StreamKeyChange = z.infer<typeof streamKeyChangeSchema>;

export const streamKeyBodySchema = z.object({ streamKey: z.string() }).meta({ id: "StreamKey" });
export type StreamKeyBody = z.infer<typeof streamKeyBodySchema>;
