/**
 * Storyboards of recordings: the WebVTT and the sprites it names.
 */
import { Hono } from "hono";
import * as z from "zod";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { serveObject } from "../http/serve-object.ts";
import { zv } from "../http/validate.ts";

const storyboardParamsSchema = z.object({
  url: z.string().regex(/^[a-z0-9]{12}$/),
  name: z.string().regex(/^(?:storyboard\.vtt|sprite-\d{1,4}\.jpg)$/),
});

/** `GET /videos/:url/storyboard/:name` */
export function storyboardRoutes(deps: Deps) {
  return new Hono<ApiEnv>().get(
    "/videos/:url/storyboard/:name",
    describe({
      summary: "Thumbnails along a recording: `storyboard.vtt`, and the sprites it names",
      tag: "public",
      access: "public",
      answers: { 304: null },
      files: { 200: ["text/vtt", "image/jpeg"], 206: ["text/vtt", "image/jpeg"] },
      refuses: ["NOT_FOUND", "RANGE_NOT_SATISFIABLE"],
    }),
    zv("param", storyboardParamsSchema),
    async (c) => {
      const { url, name } = c.req.valid("param");
      c.header("access-control-allow-origin", "*");
      c.header("cross-origin-resource-policy", "cross-origin");
      return await serveObject(c, deps.storage, {
        key: `videos/${url}/storyboard/${name}`,
        cacheControl: "public, max-age=3600",
      });
    },
  );
}
