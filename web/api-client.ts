/**
 * What the pages read from the API, through its own `fetch`: no network, the same answers.
 */
import * as z from "zod";
import { videoBodySchema } from "#shared/contracts/videos.ts";

/** How a server hands a request to an app; `env` is whatever the runtime's server passes along. */
export type FetchHandler = (request: Request, env?: unknown) => Response | Promise<Response>;

const videoSchema = videoBodySchema.pick({
  url: true,
  title: true,
  description: true,
  thumbnail: true,
  status: true,
  playbackUrl: true,
  recording: true,
  startedAt: true,
  endedAt: true,
  durationMs: true,
  createdAt: true,
});

/** The part of a public video that the pages show. */
export type Video = z.output<typeof videoSchema>;

/** The API cannot answer right now. */
export class ApiUnavailableError extends Error {
  override readonly name = "ApiUnavailableError";
}

/** The video behind `url`, or null when there is none. @throws ApiUnavailableError */
export async function readVideo(api: FetchHandler, url: string): Promise<Video | null> {
  const response = await ask(api, `/videos/${encodeURIComponent(url)}`);
  return response === null ? null : videoSchema.parse(response);
}

/** The newest live videos, at most `limit`. @throws ApiUnavailableError */
export async function listLiveVideos(api: FetchHandler, limit: number): Promise<readonly Video[]> {
  return z.array(videoSchema).parse(await ask(api, `/videos?status=RUNNING&limit=${limit}`) ?? []);
}

async function ask(api: FetchHandler, path: string): Promise<unknown> {
  const response = await api(new Request(new URL(path, "http://localhost")));
  if (response.ok) return await response.json();
  await response.body?.cancel();
  if (response.status >= 500) throw new ApiUnavailableError(`GET ${path}: ${response.status}`);
  return null;
}
