/**
 * Broadcasts over HTTP, for the owner of their channel.
 */
import * as z from "zod";
import { endReasonSchema, renditionFactsSchema, sourceFactsSchema } from "./broadcast.ts";
import { issueSchema } from "./issues.ts";

/** What the media node said last. */
export const broadcastFiguresSchema = z.object({
  at: z.iso.datetime(),
  ingestBitrateBps: z.int().nonnegative(),
  fps: z.number().nonnegative(),
  encodeSpeed: z.number().nonnegative().nullable().describe("1: as fast as real time"),
  viewers: z.int().nonnegative(),
  recordedBytes: z.int().nonnegative().nullable(),
});
export type BroadcastFigures = z.infer<typeof broadcastFiguresSchema>;

/** A broadcast that runs, or ran. */
export const broadcastBodySchema = z.object({
  id: z.uuid(),
  videoId: z.uuid(),
  state: z.enum(["live", "waiting", "ended"]).describe("`waiting`: for its publisher to return"),
  source: sourceFactsSchema.nullable(),
  renditions: z.array(renditionFactsSchema).describe("As they are now; at first, as planned"),
  figures: broadcastFiguresSchema.nullable().describe("Null before the first ones"),
  issues: z.array(issueSchema).describe("What is wrong; after the end, what was wrong then"),
  startedAt: z.iso.datetime().nullable().describe("Null: it was refused before its first media"),
  endedAt: z.iso.datetime().nullable(),
  endReason: endReasonSchema.nullable(),
  endDetail: z.string().nullable(),
}).meta({ id: "Broadcast" });
export type BroadcastBody = z.infer<typeof broadcastBodySchema>;
