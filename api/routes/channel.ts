/**
 * The signed-in user's channel and its stream key.
 */
import { Hono } from "hono";
import { requestStop } from "#db/broadcasts.ts";
import {
  type Channel,
  deleteChannel,
  findOwnChannel,
  insertChannel,
  updateOwnChannel,
  updateStreamKey,
} from "#db/channels.ts";
import {
  type ChannelBody,
  channelBodySchema,
  channelChangesSchema,
  streamKeyBodySchema,
  type StreamKeyChange,
  streamKeyChangeSchema,
} from "#shared/contracts/channels.ts";
import { AppError } from "#shared/errors.ts";
import { newId } from "#shared/ids.ts";
import { requireUser } from "../auth/auth.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { deleteVideoFiles } from "../videos/video-files.ts";
import { zv, zvOptionalJson } from "../http/validate.ts";

const ROUTES = {
  create: describe({
    summary: "Create your channel and its stream key",
    tag: "channel",
    access: "user",
    answers: { 201: channelBodySchema },
    refuses: ["CHANNEL_EXISTS"],
  }),
  read: describe({
    summary: "Your channel, with its stream key",
    tag: "channel",
    access: "user",
    answers: { 200: channelBodySchema },
    refuses: ["NOT_FOUND"],
  }),
  change: describe({
    summary: "Change your channel; a running broadcast keeps the settings it started with",
    tag: "channel",
    access: "user",
    answers: { 200: channelBodySchema },
    takes: "json",
    refuses: ["NOT_FOUND"],
  }),
  remove: describe({
    summary: "Delete your channel with its videos; ends a running broadcast",
    tag: "channel",
    access: "user",
    answers: { 204: null },
    refuses: ["NOT_FOUND"],
  }),
  rotate: describe({
    summary: "Replace the stream key; the old one can start nothing any more",
    tag: "channel",
    access: "user",
    answers: { 200: streamKeyBodySchema },
    takes: "json",
    refuses: ["NOT_FOUND"],
  }),
};

/** `/user/channel` */
export function channelRoutes(deps: Deps) {
  const signedIn = requireUser(deps);
  return new Hono<ApiEnv>()
    .post(
      "/",
      ROUTES.create,
      signedIn,
      async (c) => c.json(await createChannel(deps, c.get("user").userId), 201),
    )
    .get(
      "/",
      ROUTES.read,
      signedIn,
      async (c) => {
        const channel = requireChannel(await findOwnChannel(deps.db, c.get("user").userId));
        return c.json(await renderChannel(deps, channel), 200);
      },
    )
    .patch(
      "/",
      ROUTES.change,
      signedIn,
      zv("json", channelChangesSchema),
      async (c) => {
        const { userId } = c.get("user");
        const channel = await updateOwnChannel(deps.db, userId, c.req.valid("json"));
        return c.json(await renderChannel(deps, requireChannel(channel)), 200);
      },
    )
    .delete(
      "/",
      ROUTES.remove,
      signedIn,
      async (c) => {
        await removeChannel(deps, c.get("user").userId);
        return c.body(null, 204);
      },
    )
    .patch(
      "/streamKey",
      ROUTES.rotate,
      signedIn,
      zvOptionalJson(streamKeyChangeSchema),
      async (c) => {
        const change = c.req.valid("json") ?? streamKeyChangeSchema.parse({});
        return c.json(await rotateStreamKey(deps, c.get("user").userId, change), 200);
      },
    );
}

async function createChannel(deps: Deps, userId: string): Promise<ChannelBody> {
  const id = newId();
  const { hash, sealed } = await deps.streamKeys.create(id);
  const channel = await insertChannel(deps.db, {
    id,
    userId,
    streamKeyHash: hash,
    streamKeySealed: sealed,
  });
  deps.log.info("channel.created", { channelId: id, userId });
  return renderChannel(deps, channel);
}

async function rotateStreamKey(deps: Deps, userId: string, change: StreamKeyChange) {
  const { id: channelId } = requireChannel(await findOwnChannel(deps.db, userId));
  const { streamKey, hash, sealed } = await deps.streamKeys.create(channelId);
  await updateStreamKey(deps.db, { channelId, streamKeyHash: hash, streamKeySealed: sealed });
  if (change.disconnect) {
    const { graceSeconds } = change;
    await requestStop(deps.db, { channelId, reason: "key_revoked", graceSeconds });
  }
  deps.log.info("channel.key_rotated", { channelId, disconnect: change.disconnect });
  return { streamKey };
}

async function removeChannel(deps: Deps, userId: string): Promise<void> {
  const { id: channelId } = requireChannel(await findOwnChannel(deps.db, userId));
  const prefixes = await deleteChannel(deps.db, channelId);
  deps.log.info("channel.deleted", { channelId });
  await deleteVideoFiles(deps, prefixes);
}

function requireChannel(channel: Channel | undefined): Channel {
  if (channel === undefined) throw new AppError("NOT_FOUND", "you have no channel yet");
  return channel;
}

async function renderChannel(deps: Deps, channel: Channel): Promise<ChannelBody> {
  return {
    id: channel.id,
    status: channel.status,
    userId: channel.userId,
    streamKey: await deps.streamKeys.open(channel.id, channel.streamKeySealed),
    ingestUrl: deps.urls.rtmp,
    title: channel.title,
    description: channel.description,
    latency: channel.latency,
    recording: channel.recording,
    ladder: channel.ladder,
    reconnectWindowSeconds: channel.reconnectWindowSeconds,
    retentionDays: channel.retentionDays,
    recordingBudgetBytes: channel.recordingBudgetBytes,
    disabledAt: channel.disabledAt?.toISOString() ?? null,
    createdAt: channel.createdAt.toISOString(),
  };
}
