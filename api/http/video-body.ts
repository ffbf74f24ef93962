/**
 * Videos as callers see them.
 */
import type { Recording, Video } from "#db/videos.ts";
import type { RecordingBody, VideoBody } from "#shared/contracts/videos.ts";
import type { PublicUrls } from "../deps.ts";
import { largestVariantUrl } from "./image-body.ts";

export function renderVideo(urls: PublicUrls, video: Video): VideoBody {
  return {
    id: video.id,
    url: video.url,
    title: video.title,
    description: video.description,
    thumbnail: largestVariantUrl(urls, "thumbnail", video.thumbnail),
    status: video.status,
    channelId: video.channelId,
    playbackUrl: `${urls.hls}/hls-live/${video.url}.m3u8`,
    recording: video.recording === null ? null : renderRecording(video.recording),
    storyboardUrl: video.hasStoryboard
      ? `${urls.api}/videos/${video.url}/storyboard/storyboard.vtt`
      : null,
    startedAt: video.startedAt?.toISOString() ?? null,
    endedAt: video.endedAt?.toISOString() ?? null,
    durationMs: video.durationMs,
    createdAt: video.createdAt.toISOString(),
  };
}

function renderRecording(recording: Recording): RecordingBody {
  return recording.status === "available"
    ? { status: "available", bytes: recording.bytes, removedAt: null, removedBecause: null }
    : {
      status: "removed",
      bytes: null,
      removedAt: recording.removedAt.toISOString(),
      removedBecause: recording.because,
    };
}
