/**
 * Uploads of profile pictures and thumbnails, and their resized variants.
 */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import * as z from "zod";
import { imageBodySchema } from "#shared/contracts/images.ts";
import { AppError } from "#shared/errors.ts";
import {
  addProfilePicture,
  addThumbnail,
  type ImageRow,
  isOwnVideo,
  type Uploaded,
} from "#db/images.ts";
import { requireUser } from "../auth/auth.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { renderImage } from "../http/image-body.ts";
import { receiveImage } from "../images/receive.ts";
import { serveVariant } from "../images/serve.ts";
import { describe, type RouteDescription } from "../http/openapi.ts";
import { zv } from "../http/validate.ts";

const UPLOAD_REFUSALS = [
  "BAD_REQUEST",
  "VALIDATION_FAILED",
  "PAYLOAD_TOO_LARGE",
  "IMAGE_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "UNSUPPORTED_IMAGE",
  "NOT_FOUND",
] as const;

/** The multipart body in the OpenAPI document; it is read as a stream, never by a validator. */
function describeUploadBody() {
  const image = { type: "string" as const, contentMediaType: "application/octet-stream" };
  const schema = { type: "object" as const, required: ["image"], properties: { image } };
  return describeRoute({
    requestBody: { required: true, content: { "multipart/form-data": { schema } } },
  });
}

const videoParamsSchema = z.object({ id: z.uuid() });
const nameParamsSchema = z.object({ name: z.string() });

function describeVariant(summary: string, tag: RouteDescription["tag"]) {
  return describe({
    summary,
    tag,
    access: "public",
    answers: { 304: null },
    files: { 200: ["image/webp", "image/jpeg"] },
    refuses: ["NOT_FOUND"],
  });
}

/** `POST /user/profile-picture`, `POST /user/channel/videos/:id/thumbnail` and what they become. */
export function imageRoutes(deps: Deps) {
  return new Hono<ApiEnv>()
    .post(
      "/user/profile-picture",
      describe({
        summary: "Upload a profile picture (multipart field `image`, at most 10 MiB)",
        tag: "user",
        access: "user",
        answers: { 202: imageBodySchema },
        refuses: UPLOAD_REFUSALS,
      }),
      describeUploadBody(),
      requireUser(deps),
      async (c) => {
        const { userId } = c.get("user");
        const image = await upload(
          deps,
          c.req.raw,
          (key) => addProfilePicture(deps.db, userId, key),
        );
        return c.json(renderImage(deps.urls, "profile-picture", toFacts(image)), 202);
      },
    )
    .get(
      "/user/profile-picture/:name",
      describeVariant("A profile picture in one size", "public"),
      zv("param", nameParamsSchema),
      (c) => serveVariant(c, deps, "profile-picture"),
    )
    .post(
      "/user/channel/videos/:id/thumbnail",
      describe({
        summary: "Upload a thumbnail (multipart field `image`, at most 10 MiB)",
        tag: "videos",
        access: "user",
        answers: { 202: imageBodySchema },
        refuses: UPLOAD_REFUSALS,
      }),
      describeUploadBody(),
      requireUser(deps),
      zv("param", videoParamsSchema),
      async (c) => {
        const { userId } = c.get("user");
        const { id: videoId } = c.req.valid("param");
        if (!await isOwnVideo(deps.db, userId, videoId)) {
          throw new AppError("NOT_FOUND", `you have no video ${videoId}`);
        }
        const image = await upload(
          deps,
          c.req.raw,
          (sourceKey) => addThumbnail(deps.db, { userId, videoId, sourceKey }),
        );
        return c.json(renderImage(deps.urls, "thumbnail", toFacts(image)), 202);
      },
    )
    .get(
      "/videos/thumbnails/:name",
      describeVariant("A thumbnail in one size", "public"),
      zv("param", nameParamsSchema),
      (c) => serveVariant(c, deps, "thumbnail"),
    );
}

/** Stores the original, then has `add` write row and job in one transaction; both or neither stay. */
async function upload(
  deps: Deps,
  request: Request,
  add: (sourceKey: string) => Promise<Uploaded | null>,
): Promise<ImageRow> {
  const sourceKey = await receiveImage(deps.storage, request);
  let uploaded: Uploaded | null = null;
  try {
    uploaded = await add(sourceKey);
  } finally {
    if (uploaded === null) await deps.storage.delete(sourceKey);
  }
  if (uploaded === null) throw new AppError("NOT_FOUND", "there is nothing of yours to add it to");
  deps.onJob?.();
  const { image, supersededKey } = uploaded;
  if (supersededKey !== null) await deps.storage.delete(supersededKey);
  deps.log.info("image.uploaded", { imageId: image.id, version: image.version });
  return image;
}

function toFacts(row: ImageRow) {
  return { ...row, failureCode: row.failure_code, failureDetail: row.failure_detail };
}
