/**
 * MP4 downloads of recordings and clips over HTTP.
 */
import * as z from "zod";

export const downloadStatusSchema = z.enum(["pending", "running", "ready", "failed"]);
export type DownloadStatus = z.infer<typeof downloadStatusSchema>;

export const downloadBodySchema = z.object({
  id: z.uuid(),
  status: downloadStatusSchema,
  progress: z.number().min(0).max(1),
  bytes: z.int().positive().nullable().describe("Null until it is ready"),
  url: z.url().nullable().describe("The MP4, for its owner; null until it is ready"),
  failure: z.object({ code: z.string(), detail: z.string() }).nullable(),
}).meta({ id: "Download" });
export type DownloadBody = z.infer<typeof downloadBodySchema>;
