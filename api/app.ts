/**
 * The API as a value: `app.request()` in a test, `app.fetch` under a server.
 */
import { type Context, Hono } from "hono";
import { AppError } from "#shared/errors.ts";
import { refuseForeignWrites } from "./auth/cookies.ts";
import type { ApiEnv, Deps } from "./deps.ts";
import { front } from "./http/front.ts";
import { createErrorHandler, renderProblem } from "./http/problem.ts";
import { authRoutes } from "./routes/auth.ts";
import { broadcastRoutes } from "./routes/broadcasts.ts";
import { channelRoutes } from "./routes/channel.ts";
import { clipRoutes } from "./routes/clips.ts";
import { controlRoutes } from "./routes/control.ts";
import { docsRoutes } from "./routes/docs.ts";
import { downloadRoutes } from "./routes/downloads.ts";
import { healthRoutes } from "./routes/health.ts";
import { imageRoutes } from "./routes/images.ts";
import { nginxRtmpRoutes } from "./routes/nginx-rtmp.ts";
import { profileRoutes, userRoutes } from "./routes/profile.ts";
import { publicChannelRoutes, publicVideoRoutes } from "./routes/public.ts";
import { storyboardRoutes } from "./routes/storyboards.ts";
import { videoRoutes } from "./routes/videos.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Every route of Sluice's API; its type carries them all for the typed client. */
export function createApp(deps: Deps) {
  // Not strict: a trailing slash makes no difference.
  const app = new Hono<ApiEnv>({ strict: false });
  app.onError(createErrorHandler(deps));
  app.notFound((c) => answerUnrouted(app, c));
  app.use(front(deps));
  app.use(refuseForeignWrites(deps));
  return app
    .route("/auth", authRoutes(deps))
    .route("/user", profileRoutes(deps))
    .route("/user/channel", channelRoutes(deps))
    .route("/user/channel", broadcastRoutes(deps))
    .route("/user/channel/videos", videoRoutes(deps))
    .route("/user/channel/videos", clipRoutes(deps))
    .route("/user/channel/videos", downloadRoutes(deps))
    .route("/users", userRoutes(deps))
    .route("/channel", publicChannelRoutes(deps))
    .route("/videos", publicVideoRoutes(deps))
    .route("/", imageRoutes(deps))
    .route("/", storyboardRoutes(deps))
    .route("/", controlRoutes(deps))
    .route("/", nginxRtmpRoutes(deps))
    .route("/", healthRoutes(deps))
    .route("/", docsRoutes(deps, () => app));
}

/** The app with every route in its type: what `hc<AppType>` needs. */
export type AppType = ReturnType<typeof createApp>;

// RFC 9110 section 15.5.6: a 405 says which methods there are.
function answerUnrouted(app: Hono<ApiEnv>, c: Context<ApiEnv>): Response {
  const allowed = METHODS.filter((method) =>
    app.router.match(method, c.req.path)[0].some(([[, route]]) => route.method === method)
  );
  if (allowed.length === 0) {
    return renderProblem(c, new AppError("NOT_FOUND", "there is nothing under this path"));
  }
  const methods = allowed.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
  c.header("allow", methods.join(", "));
  const detail = `expected ${methods.join(" or ")}, not ${c.req.method}`;
  return renderProblem(c, new AppError("METHOD_NOT_ALLOWED", detail));
}
