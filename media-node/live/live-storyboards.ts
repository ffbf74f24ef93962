import type { LiveStoryboard } from "./live-storyboard.ts";

/** The storyboards of this node by video url: broadcasts put theirs in, playback looks them up. */
export class LiveStoryboards {
  readonly #storyboards = new Map<string, LiveStoryboard>();

  /** Takes the place of an earlier one of the same video. */
  open(videoUrl: string, storyboard: LiveStoryboard): void {
    this.#storyboards.set(videoUrl, storyboard);
  }

  /** Forgets it; a newer one of the same video is left alone. */
  close(videoUrl: string, storyboard: LiveStoryboard): void {
    if (this.#storyboards.get(videoUrl) === storyboard) this.#storyboards.delete(videoUrl);
  }

  get(videoUrl: string): LiveStoryboard | null {
    return this.#storyboards.get(videoUrl) ?? null;
  }
}
