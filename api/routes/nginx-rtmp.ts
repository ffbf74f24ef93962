/**
 * Callbacks of an nginx-rtmp that stays in front: `on_publish` asks `verify`, `on_publish_done` (or
 * `on_done`) tells `end`.
 *
 * The answer to `verify` makes nginx push the publish to `rtmp://<public RTMP host>/hls-live/<url>`.
 * There nginx itself is the public RTMP address and serves HLS from its application `hls-live`; the
 * broadcast runs in nginx, so nobody reports on it and it has no lease. To have our own media node
 * behind nginx, let nginx `push` to `rtmp://<media node>/streaming` and ask with `redirect=no` (the
 * whole set-up is in docs/nginx-rtmp.md): the stream key goes along, the
 * media node authorises it and takes over the broadcast that `verify` began, and `end` has it ended there.
 * A public video name is never a permission to publish, so the media node does not take `hls-live/<url>`.
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import * as z from "zod";
import { AppError } from "#shared/errors.ts";
import { beginNginxPublish, endNginxPublish, type NginxPublisher } from "#db/nginx-publishers.ts";
import { isSameSecret } from "../auth/constant-time.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe, type RouteDescription } from "../http/openapi.ts";
import { logRefusal } from "../videos/log-refusal.ts";
import { zv } from "../http/validate.ts";

const MAX_FORM_BYTES = 16 * 1024;

const callbackSchema = z.object({
  /** The stream key as nginx-rtmp sends it. */
  name: z.string().min(1).max(256).optional(),
  streamKey: z.string().min(1).max(256).optional(),
  /** Where the publisher comes from and the number of its connection. */
  addr: z.string().max(100).optional(),
  clientid: z.string().max(40).optional(),
}).refine((form) => (form.name ?? form.streamKey) !== undefined, {
  path: ["name"],
  message: "expected the stream key",
});
type Callback = z.infer<typeof callbackSchema>;

const verifyQuerySchema = z.object({
  redirect: z.enum(["yes", "no"]).default("yes").describe("`no`: 204 where nginx pushes by itself"),
});

function describeCallback(summary: string, answers: RouteDescription["answers"]) {
  return describe({
    summary: `${summary} (nginx-rtmp; off unless NGINX_RTMP_SECRET or NGINX_RTMP_ALLOW is set)`,
    tag: "channel",
    access: "public",
    answers,
    refuses: [
      "UNKNOWN_STREAM_KEY",
      "CHANNEL_DISABLED",
      "CHANNEL_HAS_NO_VIDEO",
      "VALIDATION_FAILED",
      "FORBIDDEN",
      "NOT_FOUND",
      "PAYLOAD_TOO_LARGE",
      "UNSUPPORTED_MEDIA_TYPE",
    ],
  });
}

/** `POST /channel/streamKey/verify` and `/channel/streamKey/end`. */
export function nginxRtmpRoutes(deps: Deps) {
  const base = pushBase(deps.urls.rtmp);
  return new Hono<ApiEnv>()
    .post(
      "/channel/streamKey/verify",
      describeCallback("May this publisher go live?", { 302: null, 204: null }),
      admitNginx(deps),
      zv("query", verifyQuerySchema),
      zv("form", callbackSchema),
      async (c) => {
        const videoUrl = await verify(deps, c.req.valid("form"));
        if (c.req.valid("query").redirect === "no") return c.body(null, 204);
        return c.redirect(`${base}${videoUrl}`, 302);
      },
    )
    .post(
      "/channel/streamKey/end",
      describeCallback("This publisher is gone", { 204: null }),
      admitNginx(deps),
      zv("form", callbackSchema),
      async (c) => {
        await endNginxPublish(deps.db, await toPublisher(deps, c.req.valid("form")));
        return c.body(null, 204);
      },
    );
}

async function verify(deps: Deps, form: Callback): Promise<string> {
  try {
    return await beginNginxPublish(deps.db, await toPublisher(deps, form));
  } catch (error) {
    logRefusal(deps.log, error, { streamKey: readKey(form), remoteAddress: form.addr });
    throw error;
  }
}

/** nginx-rtmp does not resolve names it is redirected to, so at least ours is given as an address. */
function pushBase(publicRtmpUrl: string): string {
  const { hostname, port } = new URL(publicRtmpUrl);
  const host = hostname === "localhost" ? "127.0.0.1" : hostname;
  return `rtmp://${host}${port === "" ? "" : `:${port}`}/hls-live/`;
}

function admitNginx(deps: Deps): MiddlewareHandler<ApiEnv> {
  const { secret, allow } = deps.nginxRtmp;
  return (c, next) => {
    if (secret === null && allow.length === 0) {
      throw new AppError("NOT_FOUND", "there is nothing under this path");
    }
    const isSecret = secret !== null && isSameSecret(givenSecret(c), secret);
    if (!isSecret && !allow.includes(addressOf(c, deps))) {
      throw new AppError("FORBIDDEN", "neither the secret nor the address is one we know");
    }
    if (Number(c.req.header("content-length") ?? 0) > MAX_FORM_BYTES) {
      throw new AppError("PAYLOAD_TOO_LARGE", `expected at most ${MAX_FORM_BYTES} bytes of form`);
    }
    return next();
  };
}

/** nginx-rtmp can only write it into the URL; a proxy in between can send a header. */
function givenSecret(c: Context): string {
  return c.req.query("secret") ?? c.req.header("x-nginx-rtmp-secret") ?? "";
}

function addressOf(c: Context, deps: Deps): string {
  // An IPv4 address on a socket of both families: RFC 4291 section 2.5.5.2.
  return deps.remoteAddress(c.req.raw, c.env).replace(/^::ffff:/i, "");
}

function readKey({ name, streamKey }: Callback): string {
  return (name ?? streamKey ?? "").trim();
}

async function toPublisher(deps: Deps, form: Callback): Promise<NginxPublisher> {
  const { addr, clientid } = form;
  const streamKeyHash = await deps.streamKeys.hash(readKey(form));
  // With the key: a connection's number comes again after a restart of nginx, or from another one.
  const who = [addr ?? "", clientid, ...streamKeyHash].join(" ");
  return {
    streamKeyHash,
    publisherId: clientid === undefined ? null : await toUuid(who),
    now: deps.clock(),
  };
}

/** RFC 9562 section 5.8: a UUID made from other data. */
async function toUuid(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const bytes = new Uint8Array(digest).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join("-");
}
