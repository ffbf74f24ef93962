/**
 * How the signed-in user's broadcasts do, and how they ended.
 */
import { Hono } from "hono";
import * as z from "zod";
import { findOwnChannel } from "#db/channels.ts";
import { findOwnBroadcast } from "#db/own-broadcasts.ts";
import { findVideo } from "#db/videos.ts";
import { type BroadcastBody, broadcastBodySchema } from "#shared/contracts/broadcasts.ts";
import { AppError } from "#shared/errors.ts";
import { requireUser } from "../auth/auth.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { zv } from "../http/validate.ts";

const videoParamsSchema = z.object({ id: z.uuid() });

const ROUTES = {
  newest: describe({
    summary: "Your running broadcast, or the last one: its source, figures and issues",
    tag: "channel",
    access: "user",
    answers: { 200: broadcastBodySchema },
    refuses: ["NOT_FOUND", "NO_BROADCAST"],
  }),
  ofVideo: describe({
    summary: "The broadcast of a video: its source, figures, issues and end",
    tag: "videos",
    access: "user",
    answers: { 200: broadcastBodySchema },
    refuses: ["NOT_FOUND", "NO_BROADCAST"],
  }),
};

/** `/user/channel` */
export function broadcastRoutes(deps: Deps) {
  const signedIn = requireUser(deps);
  return new Hono<ApiEnv>()
    .get(
      "/broadcast",
      ROUTES.newest,
      signedIn,
      async (c) => c.json(await readNewest(deps, c.get("user").userId), 200),
    )
    .get(
      "/videos/:id/broadcast",
      ROUTES.ofVideo,
      signedIn,
      zv("param", videoParamsSchema),
      async (c) => {
        const { id } = c.req.valid("param");
        return c.json(await readOfVideo(deps, c.get("user").userId, id), 200);
      },
    );
}

async function readNewest(deps: Deps, userId: string): Promise<BroadcastBody> {
  const broadcast = await findOwnBroadcast(deps.db, { userId });
  if (broadcast !== undefined) return broadcast;
  if (await findOwnChannel(deps.db, userId) === undefined) {
    throw new AppError("NOT_FOUND", "you have no channel yet");
  }
  throw new AppError("NO_BROADCAST", "your channel has not broadcast yet");
}

async function readOfVideo(deps: Deps, userId: string, videoId: string): Promise<BroadcastBody> {
  const broadcast = await findOwnBroadcast(deps.db, { userId, videoId });
  if (broadcast !== undefined) return broadcast;
  if (await findVideo(deps.db, { userId, id: videoId }) === undefined) {
    throw new AppError("NOT_FOUND", "you have no such video");
  }
  throw new AppError("NO_BROADCAST", "nothing has been broadcast into this video yet");
}
