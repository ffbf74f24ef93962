/**
 * What anyone may read: channels and videos.
 */
import { Hono } from "hono";
import * as z from "zod";
import { findPublicChannel, listPublicChannels, type PublicChannel } from "#db/channels.ts";
import { findVideo, listVideos, type Video } from "#db/videos.ts";
import { type PublicChannelBody, publicChannelBodySchema } from "#shared/contracts/channels.ts";
import { videoBodySchema, videoQuerySchema } from "#shared/contracts/videos.ts";
import { AppError } from "#shared/errors.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { linkNext, pageQuerySchema, toPage } from "../http/paging.ts";
import { renderVideo } from "../http/video-body.ts";
import { zv } from "../http/validate.ts";

const idParamsSchema = z.object({ id: z.uuid() });
const videoParamsSchema = z.object({ id: z.uuid(), videoId: z.uuid() });
const urlParamsSchema = z.object({ url: z.string().regex(/^[a-z0-9]{12}$/) });
const videoListQuerySchema = pageQuerySchema.extend(videoQuerySchema.shape);

const ROUTES = {
  listChannels: describe({
    summary: "Channels, newest first",
    tag: "public",
    access: "public",
    answers: { 200: z.array(publicChannelBodySchema) },
    isPaged: true,
  }),
  readChannel: describe({
    summary: "A channel",
    tag: "public",
    access: "public",
    answers: { 200: publicChannelBodySchema },
    refuses: ["NOT_FOUND"],
  }),
  listChannelVideos: describe({
    summary: "The videos of a channel, newest first",
    tag: "public",
    access: "public",
    answers: { 200: z.array(videoBodySchema) },
    isPaged: true,
    refuses: ["NOT_FOUND"],
  }),
  readChannelVideo: describe({
    summary: "A video of a channel",
    tag: "public",
    access: "public",
    answers: { 200: videoBodySchema },
    refuses: ["NOT_FOUND"],
  }),
  listVideos: describe({
    summary: "Videos of all channels, newest first; `?status=RUNNING` for what is live",
    tag: "public",
    access: "public",
    answers: { 200: z.array(videoBodySchema) },
    isPaged: true,
  }),
  readVideo: describe({
    summary: "A video by its public name",
    tag: "public",
    access: "public",
    answers: { 200: videoBodySchema },
    refuses: ["NOT_FOUND"],
  }),
};

/** `/channel` */
export function publicChannelRoutes(deps: Deps) {
  return new Hono<ApiEnv>()
    .get(
      "/",
      ROUTES.listChannels,
      zv("query", pageQuerySchema),
      async (c) => {
        const channels = await listPublicChannels(deps.db, toPage(c.req.valid("query")));
        linkNext(c, deps.urls, channels);
        return c.json(channels.items.map(renderPublicChannel), 200);
      },
    )
    .get(
      "/:id",
      ROUTES.readChannel,
      zv("param", idParamsSchema),
      async (c) =>
        c.json(renderPublicChannel(await readChannel(deps, c.req.valid("param").id)), 200),
    )
    .get(
      "/:id/videos",
      ROUTES.listChannelVideos,
      zv("param", idParamsSchema),
      zv("query", videoListQuerySchema),
      async (c) => {
        const { status, ...query } = c.req.valid("query");
        const { id: channelId } = await readChannel(deps, c.req.valid("param").id);
        const videos = await listVideos(deps.db, { channelId, status }, toPage(query));
        linkNext(c, deps.urls, videos);
        return c.json(videos.items.map((video) => renderVideo(deps.urls, video)), 200);
      },
    )
    .get(
      "/:id/videos/:videoId",
      ROUTES.readChannelVideo,
      zv("param", videoParamsSchema),
      async (c) => {
        const { id: channelId, videoId: id } = c.req.valid("param");
        const video = await findVideo(deps.db, { channelId, id, isPublic: true });
        return c.json(renderVideo(deps.urls, requireVideo(video)), 200);
      },
    );
}

/** `/videos` */
export function publicVideoRoutes(deps: Deps) {
  return new Hono<ApiEnv>()
    .get(
      "/",
      ROUTES.listVideos,
      zv("query", videoListQuerySchema),
      async (c) => {
        const { status, ...query } = c.req.valid("query");
        const videos = await listVideos(deps.db, { status, isPublic: true }, toPage(query));
        linkNext(c, deps.urls, videos);
        return c.json(videos.items.map((video) => renderVideo(deps.urls, video)), 200);
      },
    )
    .get(
      "/:url",
      ROUTES.readVideo,
      zv("param", urlParamsSchema),
      async (c) => {
        const video = await findVideo(deps.db, { url: c.req.valid("param").url, isPublic: true });
        return c.json(renderVideo(deps.urls, requireVideo(video)), 200);
      },
    );
}

async function readChannel(deps: Deps, id: string): Promise<PublicChannel> {
  const channel = await findPublicChannel(deps.db, id);
  if (channel === undefined) throw new AppError("NOT_FOUND", "there is no such channel");
  return channel;
}

function requireVideo(video: Video | undefined): Video {
  if (video === undefined) throw new AppError("NOT_FOUND", "there is no such video");
  return video;
}

function renderPublicChannel(channel: PublicChannel): PublicChannelBody {
  return {
    id: channel.id,
    status: channel.status,
    userId: channel.userId,
    username: channel.username,
    title: channel.title,
    description: channel.description,
    createdAt: channel.createdAt.toISOString(),
  };
}
