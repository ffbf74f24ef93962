/**
 * Clips: parts of a recording with a URL of their own.
 */
import { Hono } from "hono";
import * as z from "zod";
import { type Clip, clipPrefix, deleteClip, findClip, insertClip, listClips } from "#db/clips.ts";
import { findVideo } from "#db/videos.ts";
import {
  type ClipBody,
  clipBodySchema,
  type NewClip,
  newClipSchema,
} from "#shared/contracts/clips.ts";
import { AppError } from "#shared/errors.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { requireUser } from "../auth/auth.ts";
import { makeClip } from "../videos/make-clip.ts";
import type { ApiEnv, Deps, PublicUrls } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { linkNext, pageQuerySchema, toPage } from "../http/paging.ts";
import { zv } from "../http/validate.ts";
import { deleteVideoFiles } from "../videos/video-files.ts";

const videoParamsSchema = z.object({ id: z.uuid() });
const clipParamsSchema = videoParamsSchema.extend({ clipId: z.uuid() });

const ROUTES = {
  create: describe({
    summary: "Cut a clip from a recording, widened to whole segments",
    tag: "videos",
    access: "user",
    answers: { 201: clipBodySchema },
    takes: "json",
    refuses: ["NOT_FOUND", "NO_RECORDING"],
  }),
  list: describe({
    summary: "The clips of one of your videos, newest first",
    tag: "videos",
    access: "user",
    answers: { 200: z.array(clipBodySchema) },
    refuses: ["NOT_FOUND"],
    isPaged: true,
  }),
  read: describe({
    summary: "One of its clips",
    tag: "videos",
    access: "user",
    answers: { 200: clipBodySchema },
    refuses: ["NOT_FOUND"],
  }),
  remove: describe({
    summary: "Delete a clip; it also goes with its video and with the video's recording",
    tag: "videos",
    access: "user",
    answers: { 204: null },
    refuses: ["NOT_FOUND"],
  }),
};

/** `/user/channel/videos/:id/clips` */
export function clipRoutes(deps: Deps) {
  const signedIn = requireUser(deps);
  return new Hono<ApiEnv>()
    .post(
      "/:id/clips",
      ROUTES.create,
      signedIn,
      zv("param", videoParamsSchema),
      zv("json", newClipSchema),
      async (c) => {
        const own = { userId: c.get("user").userId, videoId: c.req.valid("param").id };
        return c.json(await createClip(deps, own, c.req.valid("json")), 201);
      },
    )
    .get(
      "/:id/clips",
      ROUTES.list,
      signedIn,
      zv("param", videoParamsSchema),
      zv("query", pageQuerySchema),
      async (c) => {
        const own = { userId: c.get("user").userId, videoId: c.req.valid("param").id };
        const page = toPage(c.req.valid("query"));
        await requireVideo(deps, own);
        const clips = await listClips(deps.db, own, page);
        linkNext(c, deps.urls, clips);
        return c.json(clips.items.map((clip) => renderClip(deps.urls, clip)), 200);
      },
    )
    .get(
      "/:id/clips/:clipId",
      ROUTES.read,
      signedIn,
      zv("param", clipParamsSchema),
      async (c) => {
        const { id: videoId, clipId } = c.req.valid("param");
        const own = { userId: c.get("user").userId, videoId, clipId };
        const clip = await findClip(deps.db, own);
        if (clip === undefined) throw noClip();
        return c.json(renderClip(deps.urls, clip), 200);
      },
    )
    .delete(
      "/:id/clips/:clipId",
      ROUTES.remove,
      signedIn,
      zv("param", clipParamsSchema),
      async (c) => {
        const { id: videoId, clipId } = c.req.valid("param");
        const own = { userId: c.get("user").userId, videoId, clipId };
        const prefix = await deleteClip(deps.db, own);
        if (prefix === undefined) throw noClip();
        deps.log.info("clip.deleted", { clipId, videoId });
        await deleteVideoFiles(deps, [prefix]);
        return c.body(null, 204);
      },
    );
}

type OwnVideo = { readonly userId: string; readonly videoId: string };

async function requireVideo({ db }: Deps, { userId, videoId }: OwnVideo) {
  const video = await findVideo(db, { userId, id: videoId });
  if (video === undefined) throw new AppError("NOT_FOUND", "you have no such video");
  return video;
}

/** Playlists first, then the row: a clip that has a row can be played. */
async function createClip(deps: Deps, own: OwnVideo, request: NewClip): Promise<ClipBody> {
  const video = await requireVideo(deps, own);
  if (video.recording?.status !== "available") {
    throw new AppError("NO_RECORDING", "the video has no finished recording to cut from");
  }
  const url = newVideoUrl();
  let clip: Clip | undefined;
  try {
    const { startS, endS } = await makeClip(deps.storage, {
      videoUrl: video.url,
      clipUrl: url,
      span: { startS: request.start, endS: request.end },
    });
    clip = await insertClip(deps.db, {
      videoId: video.id,
      url,
      title: request.title ?? video.title,
      startMs: Math.round(startS * 1000),
      endMs: Math.round(endS * 1000),
    });
  } finally {
    if (clip === undefined) await deleteVideoFiles(deps, [clipPrefix(url)]);
  }
  if (clip === undefined) throw new AppError("NO_RECORDING", "the recording was just removed");
  deps.log.info("clip.created", { clipId: clip.id, videoId: video.id });
  return renderClip(deps.urls, clip);
}

function renderClip(urls: PublicUrls, clip: Clip): ClipBody {
  const { id, url, videoId, title, startMs, endMs, createdAt } = clip;
  return {
    ...{ id, url, videoId, title },
    playbackUrl: `${urls.hls}/hls-live/${url}.m3u8`,
    start: startMs / 1000,
    end: endMs / 1000,
    durationMs: endMs - startMs,
    createdAt: createdAt.toISOString(),
  };
}

function noClip(): AppError {
  return new AppError("NOT_FOUND", "the video has no such clip");
}
