/**
 * `/control/*`: what media nodes and the resizer tell us, with the service token.
 */
import { type Context, Hono } from "hono";
import {
  type AuthoriseRequest,
  authoriseRequestSchema,
  authoriseResponseSchema,
  downloadReportSchema,
  endedRequestSchema,
  imageReportSchema,
  type PosterRequest,
  posterRequestSchema,
  type ProgressRequest,
  progressRequestSchema,
  progressResponseSchema,
  startedRequestSchema,
  storyboardReportSchema,
} from "#shared/contracts/control.ts";
import { readIssues } from "#shared/contracts/issues.ts";
import { AppError } from "#shared/errors.ts";
import { isStorageKey } from "#shared/storage/port.ts";
import { authorisePublisher } from "#db/authorise.ts";
import { reportEnded, reportProgress, reportStarted } from "#db/broadcast-reports.ts";
import { reportDownload } from "#db/downloads.ts";
import { reportImage } from "#db/image-reports.ts";
import { reportPoster } from "#db/posters.ts";
import { reportStoryboard } from "#db/storyboards.ts";
import { requireService } from "../auth/auth.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { cleanUp } from "../images/clean-up.ts";
import { describe, type RouteDescription } from "../http/openapi.ts";
import { logRefusal } from "../videos/log-refusal.ts";
import { deleteVideoFiles } from "../videos/video-files.ts";
import { zv } from "../http/validate.ts";

function describeControl(
  summary: string,
  route: Pick<RouteDescription, "answers" | "refuses">,
) {
  return describe({ summary, tag: "control", access: "service", takes: "json", ...route });
}

const REPORT = { answers: { 204: null }, refuses: ["STALE_EPOCH"] } as const;

/** The control plane's routes; every write is idempotent. */
export function controlRoutes(deps: Deps) {
  const told = new Set<string>();
  return new Hono<ApiEnv>()
    .post(
      "/control/authorise",
      describeControl("May this publisher go live, and into which video?", {
        answers: { 200: authoriseResponseSchema },
        refuses: ["UNKNOWN_STREAM_KEY", "CHANNEL_DISABLED", "CHANNEL_HAS_NO_VIDEO", "ALREADY_LIVE"],
      }),
      requireService(deps),
      zv("json", authoriseRequestSchema),
      async (c) => c.json(await authorise(deps, c.req.valid("json")), 200),
    )
    .post(
      "/control/started",
      describeControl("The first media of a broadcast arrived", REPORT),
      requireService(deps),
      zv("json", startedRequestSchema),
      async (c) => {
        const request = c.req.valid("json");
        await reportStarted(deps.db, request, deps.clock());
        deps.log.info("broadcast.started", refer(request));
        return c.body(null, 204);
      },
    )
    .post(
      "/control/progress",
      describeControl("Figures of all broadcasts of a node; answers what must stop", {
        answers: { 200: progressResponseSchema },
      }),
      requireService(deps),
      zv("json", progressRequestSchema),
      async (c) => {
        const report = readReport(deps, c.req.valid("json"), told);
        return c.json(await reportProgress(deps.db, report, deps.clock()), 200);
      },
    )
    .post(
      "/control/ended",
      describeControl("A broadcast is over and its recording complete", REPORT),
      requireService(deps),
      zv("json", endedRequestSchema),
      async (c) => {
        const request = c.req.valid("json");
        await reportEnded(deps.db, request);
        deps.onJob?.();
        deps.log.info("broadcast.ended", { ...refer(request), reason: request.reason });
        return c.body(null, 204);
      },
    )
    .post(
      "/control/poster",
      describeControl("A frame of a broadcast lies in storage", REPORT),
      requireService(deps),
      zv("json", posterRequestSchema),
      (c) => takePoster(c, deps, c.req.valid("json")),
    )
    .post(
      "/control/image",
      describeControl("The resizer is done with a version of an image", {
        answers: { 204: null },
      }),
      requireService(deps),
      zv("json", imageReportSchema),
      async (c) => {
        const report = c.req.valid("json");
        await cleanUp(deps.storage, await reportImage(deps.db, report));
        const { imageId, version, status } = report;
        deps.log.info("image.reported", { imageId, version, status });
        return c.body(null, 204);
      },
    )
    .post(
      "/control/download",
      describeControl("How far a media worker is with an MP4", {
        answers: { 204: null },
        refuses: ["NOT_FOUND"],
      }),
      requireService(deps),
      zv("json", downloadReportSchema),
      async (c) => {
        const report = c.req.valid("json");
        if (!await reportDownload(deps.db, report)) {
          throw new AppError("NOT_FOUND", `nobody wants download ${report.downloadId} any more`);
        }
        if (report.status !== "running") deps.log.info("download.reported", report);
        return c.body(null, 204);
      },
    )
    .post(
      "/control/storyboard",
      describeControl("The storyboard of a video lies in storage", {
        answers: { 204: null },
        refuses: ["NOT_FOUND"],
      }),
      requireService(deps),
      zv("json", storyboardReportSchema),
      async (c) => {
        const { videoId, frames } = c.req.valid("json");
        if (!await reportStoryboard(deps.db, videoId)) {
          throw new AppError("NOT_FOUND", `video ${videoId} has no recording any more`);
        }
        deps.log.info("storyboard.reported", { videoId, frames });
        return c.body(null, 204);
      },
    );
}

async function authorise(deps: Deps, request: AuthoriseRequest) {
  const { nodeId, nodeInstanceId, publisherId, streamKey, remoteAddress } = request;
  const streamKeyHash = await deps.streamKeys.hash(streamKey);
  try {
    const now = deps.clock();
    return await authorisePublisher(deps.db, {
      streamKeyHash,
      nodeId,
      nodeInstanceId,
      publisherId,
      remoteAddress,
      now,
    });
  } catch (error) {
    logRefusal(deps.log, error, { streamKey, nodeId, remoteAddress });
    throw error;
  }
}

/** Reports come every second: a code is told once, and of many only so many. */
const MAX_TOLD_CODES = 100;

/** `request` with the issues that are known; what only a newer node knows is told and left out. */
function readReport(deps: Deps, request: ProgressRequest, told: Set<string>): ProgressRequest {
  const since = deps.clock().toISOString();
  const broadcasts = request.broadcasts.map((broadcast) => {
    const read = readIssues(broadcast.issues, since);
    for (const code of read.unknown) {
      if (told.has(code) || told.size >= MAX_TOLD_CODES) continue;
      told.add(code);
      deps.log.warn("issue.unknown", { nodeId: request.nodeId, code });
    }
    return { ...broadcast, issues: [...read.issues] };
  });
  return { ...request, broadcasts };
}

async function takePoster(c: Context<ApiEnv>, deps: Deps, request: PosterRequest) {
  const { sourceKey } = request;
  if (!isStorageKey(sourceKey)) {
    throw new AppError("VALIDATION_FAILED", `${sourceKey.slice(0, 80)} is not a storage key`);
  }
  const outcome = await reportPoster(deps.db, request);
  if (outcome.isTaken) {
    deps.onJob?.();
    await deleteVideoFiles(deps, outcome.prefixes);
  } else if (!outcome.isKnown) await deps.storage.delete(sourceKey);
  return c.body(null, 204);
}

function refer(request: { broadcastId: string; nodeId: string; epoch: number }) {
  const { broadcastId, nodeId, epoch } = request;
  return { broadcastId, nodeId, epoch };
}
