/**
 * The video's state as the API tells it to anybody.
 */

export type VideoState = {
  readonly title: string;
  readonly status: "CREATED" | "RUNNING" | "ENDED";
  readonly playbackUrl: string;
  readonly storyboardUrl: string | null;
  readonly recording: {
    readonly status: "available" | "removed";
    readonly removedBecause: "retention" | "channel_budget" | "total_budget" | null;
  } | null;
};

const REASONS = {
  retention: "it was older than recordings are kept here",
  channel_budget: "its channel needed the room",
  total_budget: "newer ones needed the room",
} as const;

/** Why there is nothing to watch any more; null: there is. */
export function removalWords({ status, recording }: VideoState): string | null {
  if (status !== "ENDED" || recording?.status !== "removed") return null;
  const because = recording.removedBecause === null ? "" : `: ${REASONS[recording.removedBecause]}`;
  return `The recording was removed${because}.`;
}

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
