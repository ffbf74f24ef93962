/**
 * Pictures along the seek bar, as media-chrome looks for them: cues of a metadata track called
 * "thumbnails", each with the address of its picture.
 */
import { storyboardUrl } from "../watching/playback-urls.ts";
import { type PictureCue, readPictureCues, toTimeline } from "./picture-cues.ts";

/** What a live broadcast's storyboard is placed by. */
export type LiveTimeline = {
  /** The multivariant playlist. */
  readonly playbackUrl: () => string;
  /** The wall clock (Unix ms) at which the timeline's zero was taken; null while unknown. */
  readonly zeroMs: () => number | null;
};

/** Another picture joins a live storyboard this often. */
const LIVE_MS = 10_000;

export class Storyboard {
  #track: TextTrack | null = null;
  #url: string | null = null;
  #live: LiveTimeline | null = null;
  #readAtMs = -Infinity;

  use(video: HTMLVideoElement): void {
    this.#track = video.addTextTrack("metadata", "thumbnails");
    this.#track.mode = "hidden";
    this.#readAtMs = -Infinity;
  }

  /** What is played is a recording with a storyboard at `url` (null: without one), or live. */
  follow(url: string | null, live: LiveTimeline | null): void {
    if (url !== this.#url || (live === null) !== (this.#live === null)) this.#readAtMs = -Infinity;
    this.#url = url;
    this.#live = live;
  }

  /** Somebody looks for a picture: there is none yet, or there are more by now. `onRead`: they are there. */
  refresh(onRead: () => void): void {
    const nowMs = performance.now();
    const isDue = this.#live === null
      ? this.#readAtMs === -Infinity
      : nowMs - this.#readAtMs > LIVE_MS;
    const url = this.#live === null ? this.#url : storyboardUrl(this.#live.playbackUrl());
    if (!isDue || url === null) return;
    this.#readAtMs = nowMs;
    // A seek bar without pictures is one all the same.
    this.#read(url).then(onRead).catch(() => {});
  }

  async #read(url: string): Promise<void> {
    const live = this.#live;
    const response = await fetch(url);
    if (!response.ok || live !== this.#live) return;
    const cues = readPictureCues(await response.text(), new URL(url, document.baseURI).href);
    const zeroMs = live?.zeroMs() ?? null;
    if (live === null) this.#fill(cues);
    else if (zeroMs !== null) this.#fill(toTimeline(cues, zeroMs));
  }

  #fill(cues: readonly PictureCue[]): void {
    const track = this.#track;
    if (track === null) return;
    for (const cue of [...track.cues ?? []]) track.removeCue(cue);
    for (const { fromS, toS, url } of cues) track.addCue(new VTTCue(fromS, toS, url));
  }
}
