/**
 * Recordings and clips as MP4: asked for, waited for, fetched.
 */
import { type Context, Hono } from "hono";
import * as z from "zod";
import {
  type Download,
  type DownloadOf,
  findDownload,
  requestDownload,
  type TitledDownload,
} from "#db/downloads.ts";
import { type DownloadBody, downloadBodySchema } from "#shared/contracts/downloads.ts";
import { AppError } from "#shared/errors.ts";
import { requireUser } from "../auth/auth.ts";
import type { ApiEnv, Deps, PublicUrls } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { serveObject } from "../http/serve-object.ts";
import { zv } from "../http/validate.ts";

const videoParamsSchema = z.object({ id: z.uuid() });
const clipParamsSchema = videoParamsSchema.extend({ clipId: z.uuid() });

function describeRoutes(what: string) {
  const shared = { tag: "videos", access: "user" } as const;
  return {
    request: describe({
      ...shared,
      summary: `Have ${what} written as an MP4; asking again changes nothing`,
      answers: { 200: downloadBodySchema, 202: downloadBodySchema },
      refuses: ["NOT_FOUND", "NO_RECORDING"],
    }),
    read: describe({
      ...shared,
      summary: `How far the MP4 of ${what} is`,
      answers: { 200: downloadBodySchema },
      refuses: ["NOT_FOUND"],
    }),
    file: describe({
      ...shared,
      summary: `The MP4 of ${what}`,
      answers: { 304: null },
      files: { 200: ["video/mp4"], 206: ["video/mp4"] },
      refuses: ["NOT_FOUND", "DOWNLOAD_NOT_READY", "RANGE_NOT_SATISFIABLE"],
    }),
  };
}

const VIDEO = describeRoutes("a recording");
const CLIP = describeRoutes("a clip");

/** `/user/channel/videos/:id/download` and `/user/channel/videos/:id/clips/:clipId/download` */
export function downloadRoutes(deps: Deps) {
  const signedIn = requireUser(deps);
  const inVideo = zv("param", videoParamsSchema);
  const inClip = zv("param", clipParamsSchema);
  const video = (c: Context<ApiEnv>, { id }: { id: string }) => ownOf(c, id, null);
  const clip = (c: Context<ApiEnv>, { id, clipId }: { id: string; clipId: string }) =>
    ownOf(c, id, clipId);
  return new Hono<ApiEnv>()
    .post(
      "/:id/download",
      VIDEO.request,
      signedIn,
      inVideo,
      (c) => request(c, deps, video(c, c.req.valid("param"))),
    )
    .get(
      "/:id/download",
      VIDEO.read,
      signedIn,
      inVideo,
      (c) => read(c, deps, video(c, c.req.valid("param"))),
    )
    .get(
      "/:id/download/file",
      VIDEO.file,
      signedIn,
      inVideo,
      (c) => serve(c, deps, video(c, c.req.valid("param"))),
    )
    .post(
      "/:id/clips/:clipId/download",
      CLIP.request,
      signedIn,
      inClip,
      (c) => request(c, deps, clip(c, c.req.valid("param"))),
    )
    .get(
      "/:id/clips/:clipId/download",
      CLIP.read,
      signedIn,
      inClip,
      (c) => read(c, deps, clip(c, c.req.valid("param"))),
    )
    .get(
      "/:id/clips/:clipId/download/file",
      CLIP.file,
      signedIn,
      inClip,
      (c) => serve(c, deps, clip(c, c.req.valid("param"))),
    );
}

function ownOf(c: Context<ApiEnv>, videoId: string, clipId: string | null): DownloadOf {
  return { userId: c.get("user").userId, videoId, clipId };
}

async function request(c: Context<ApiEnv>, deps: Deps, of: DownloadOf) {
  const download = await requestDownload(deps.db, of);
  if (download.status === "ready") return c.json(renderDownload(deps.urls, download), 200);
  deps.onJob?.();
  deps.log.info("download.requested", { downloadId: download.id, videoId: of.videoId });
  return c.json(renderDownload(deps.urls, download), 202);
}

async function read(c: Context<ApiEnv>, deps: Deps, of: DownloadOf) {
  const download = await requireDownload(deps, of);
  return c.json(renderDownload(deps.urls, download), 200);
}

async function serve(c: Context<ApiEnv>, deps: Deps, of: DownloadOf) {
  const download = await requireDownload(deps, of);
  if (download.status !== "ready") {
    throw new AppError("DOWNLOAD_NOT_READY", `the MP4 is ${download.status}`);
  }
  return await serveObject(c, deps.storage, {
    key: download.storage_key,
    cacheControl: "private, no-cache",
    fileName: `${download.title}.mp4`,
  });
}

async function requireDownload({ db }: Deps, of: DownloadOf): Promise<TitledDownload> {
  const download = await findDownload(db, of);
  if (download === undefined) {
    throw new AppError("NOT_FOUND", "nobody has asked for this MP4 yet: POST here first");
  }
  return download;
}

function renderDownload(urls: PublicUrls, download: Download): DownloadBody {
  const { id, status, progress, bytes, video_id: videoId, clip_id: clipId } = download;
  const path = clipId === null ? videoId : `${videoId}/clips/${clipId}`;
  const url = `${urls.api}/user/channel/videos/${path}/download/file`;
  return {
    ...{ id, status, progress, bytes },
    url: status === "ready" ? url : null,
    failure: download.failure_code === null
      ? null
      : { code: download.failure_code, detail: download.failure_detail ?? "" },
  };
}
