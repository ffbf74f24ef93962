/**
 * The video's state as the API tells it to anybody.
 */
import type { PlayerWords } from "../words/player/en.ts";

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

/** Why there is nothing to watch any more; null: there is. */
export function removalWords(
  { status, recording }: VideoState,
  { recordingRemoved, removals }: PlayerWords,
): string | null {
  if (status !== "ENDED" || recording?.status !== "removed") return null;
  const { removedBecause } = recording;
  return removedBecause === null
    ? `${recordingRemoved}.`
    : `${recordingRemoved}: ${removals[removedBecause]}.`;
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
