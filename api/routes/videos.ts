/**
 * The videos of the signed-in user's channel.
 */
import { Hono } from "hono";
import * as z from "zod";
import {
  deleteOwnVideo,
  findVideo,
  insertVideo,
  listVideos,
  updateOwnVideo,
  type Video,
} from "#db/videos.ts";
import {
  type NewVideo,
  newVideoSchema,
  type VideoBody,
  videoBodySchema,
  videoChangesSchema,
  videoQuerySchema,
} from "#shared/contracts/videos.ts";
import { AppError } from "#shared/errors.ts";
import { requireUser } from "../auth/auth.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { linkNext, pageQuerySchema, toPage } from "../http/paging.ts";
import { renderVideo } from "../http/video-body.ts";
import { deleteVideoFiles } from "../videos/video-files.ts";
import { zv } from "../http/validate.ts";

const videoParamsSchema = z.object({ id: z.uuid() });
const ownListQuerySchema = pageQuerySchema.extend(videoQuerySchema.shape);

const ROUTES = {
  create: describe({
    summary: "Create a video; the next broadcast goes into the oldest one not used yet",
    tag: "videos",
    access: "user",
    answers: { 201: videoBodySchema },
    takes: "json",
    refuses: ["NOT_FOUND"],
  }),
  list: describe({
    summary: "Your videos, newest first",
    tag: "videos",
    access: "user",
    answers: { 200: z.array(videoBodySchema) },
    isPaged: true,
  }),
  read: describe({
    summary: "One of your videos",
    tag: "videos",
    access: "user",
    answers: { 200: videoBodySchema },
    refuses: ["NOT_FOUND"],
  }),
  change: describe({
    summary: "Change a video",
    tag: "videos",
    access: "user",
    answers: { 200: videoBodySchema },
    takes: "json",
    refuses: ["NOT_FOUND"],
  }),
  remove: describe({
    summary: "Delete a video with its recording; refused while it is live",
    tag: "videos",
    access: "user",
    answers: { 204: null },
    refuses: ["NOT_FOUND", "VIDEO_IS_LIVE"],
  }),
};

/** `/user/channel/videos` */
export function videoRoutes(deps: Deps) {
  const signedIn = requireUser(deps);
  return new Hono<ApiEnv>()
    .post(
      "/",
      ROUTES.create,
      signedIn,
      zv("json", newVideoSchema),
      async (c) => c.json(await createVideo(deps, c.get("user").userId, c.req.valid("json")), 201),
    )
    .get(
      "/",
      ROUTES.list,
      signedIn,
      zv("query", ownListQuerySchema),
      async (c) => {
        const { status, ...query } = c.req.valid("query");
        const filter = { userId: c.get("user").userId, status };
        const videos = await listVideos(deps.db, filter, toPage(query));
        linkNext(c, deps.urls, videos);
        return c.json(videos.items.map((video) => renderVideo(deps.urls, video)), 200);
      },
    )
    .get(
      "/:id",
      ROUTES.read,
      signedIn,
      zv("param", videoParamsSchema),
      async (c) => {
        const filter = { userId: c.get("user").userId, id: c.req.valid("param").id };
        const video = requireVideo(await findVideo(deps.db, filter));
        return c.json(renderVideo(deps.urls, video), 200);
      },
    )
    .patch(
      "/:id",
      ROUTES.change,
      signedIn,
      zv("param", videoParamsSchema),
      zv("json", videoChangesSchema),
      async (c) => {
        const own = { userId: c.get("user").userId, id: c.req.valid("param").id };
        const video = requireVideo(await updateOwnVideo(deps.db, own, c.req.valid("json")));
        return c.json(renderVideo(deps.urls, video), 200);
      },
    )
    .delete(
      "/:id",
      ROUTES.remove,
      signedIn,
      zv("param", videoParamsSchema),
      async (c) => {
        await removeVideo(deps, { userId: c.get("user").userId, id: c.req.valid("param").id });
        return c.body(null, 204);
      },
    );
}

async function createVideo(deps: Deps, userId: string, request: NewVideo): Promise<VideoBody> {
  const { title, description = null } = request;
  const video = await insertVideo(deps.db, { userId, title, description });
  if (video === undefined) throw new AppError("NOT_FOUND", "you have no channel yet");
  return renderVideo(deps.urls, video);
}

/** A live video is somebody's running broadcast: ending that is a decision of its own. */
async function removeVideo(deps: Deps, own: { userId: string; id: string }): Promise<void> {
  const deletion = await deleteOwnVideo(deps.db, own);
  if (deletion.outcome === "live") {
    throw new AppError("VIDEO_IS_LIVE", "stop the broadcast first, then delete the video");
  }
  if (deletion.outcome !== "deleted") throw noVideo();
  deps.log.info("video.deleted", { videoId: own.id });
  await deleteVideoFiles(deps, deletion.prefixes);
}

function requireVideo(video: Video | undefined): Video {
  if (video === undefined) throw noVideo();
  return video;
}

function noVideo(): AppError {
  return new AppError("NOT_FOUND", "you have no such video");
}
