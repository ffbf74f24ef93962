/**
 * The video's state as the API tells it to anybody.
 */

export type VideoState = {
  readonly title: string;
  readonly status: "CREATED" | "RUNNING" | "ENDED";
  readonly playbackUrl: string;
};

/** The state now, or null when the video is gone. @throws when the server does not answer */
export async function fetchVideo(url: string): Promise<VideoState | null> {
  const response = await fetch(`/videos/${encodeURIComponent(url)}`, {
    signal: AbortSignal.timeout(5000),
    headers: { accept: "application/json" },
  });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  // Our own API's answer, typed by its schema.
  return await response.json() as VideoState;
}
