/**
 * The one clock by which a page judges its picture: what has been shown, when it last moved, and which
 * moment of the media is on the screen.
 */
import { type Movement, noteFrames, notePlace, noteSeek, STILL } from "./movement.ts";

export class PictureClock {
  readonly #video: HTMLVideoElement;
  readonly #listeners = new AbortController();
  #movement: Movement = STILL;
  #frameTimeS: number | null = null;
  readonly #isFollowing: boolean;
  /**
   * Whether the browser has said which frame it shows since the last look. Some cannot, and WebKit without
   * a graphics card never does: it is the one at `currentTime` then.
   */
  #isTold = false;
  #callback = 0;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    const { signal } = this.#listeners;
    video.addEventListener("seeking", () => this.#movement = noteSeek(this.#movement), { signal });
    video.addEventListener("emptied", () => this.forget(), { signal });
    this.#isFollowing = "requestVideoFrameCallback" in video;
    if (this.#isFollowing) this.#follow();
  }

  /** Since the page began, in ms. */
  nowMs(): number {
    return performance.now();
  }

  /** Looks at the picture: a few times a second. */
  sample(): Movement {
    const { totalVideoFrames, droppedVideoFrames } = this.#video.getVideoPlaybackQuality();
    const frames = totalVideoFrames - droppedVideoFrames;
    if (!this.#isTold && frames > this.#movement.frames) this.#frameTimeS = this.#video.currentTime;
    this.#isTold = false;
    const movement = noteFrames(this.#movement, frames, this.nowMs());
    return this.#movement = this.#isStill ? notePlace(movement, this.nowMs()) : movement;
  }

  /** A picture that is not to move is there, counted by the browser or not. */
  get #isStill(): boolean {
    const { paused, seeking, readyState, HAVE_CURRENT_DATA } = this.#video;
    return paused && !seeking && readyState >= HAVE_CURRENT_DATA;
  }

  /** As it was last seen. */
  get movement(): Movement {
    return this.#movement;
  }

  /** Where in the media the frame on the screen is, in seconds; null: none is there. */
  get frameTimeS(): number | null {
    return this.#frameTimeS;
  }

  /** What comes is another picture. */
  forget(): void {
    this.#movement = STILL;
    this.#frameTimeS = null;
  }

  destroy(): void {
    this.#listeners.abort();
    if (this.#isFollowing) this.#video.cancelVideoFrameCallback(this.#callback);
  }

  #follow(): void {
    this.#callback = this.#video.requestVideoFrameCallback((_nowMs, { mediaTime }) => {
      this.#frameTimeS = mediaTime;
      this.#isTold = true;
      this.#follow();
    });
  }
}
