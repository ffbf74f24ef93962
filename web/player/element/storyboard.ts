/**
 * Pictures along the seek bar, as media-chrome looks for them: cues of a metadata track called
 * "thumbnails", each with the address of its picture.
 */
import { type PictureCue, readPictureCues } from "./picture-cues.ts";

export class Storyboard {
  #track: TextTrack | null = null;
  #url: string | null = null;
  #cues: readonly PictureCue[] = [];

  use(video: HTMLVideoElement): void {
    this.#track = video.addTextTrack("metadata", "thumbnails");
    this.#track.mode = "hidden";
    this.#fill(0);
  }

  /** The storyboard of a recording at `url`, WebVTT; null: there is none. */
  read(url: string | null): void {
    if (url === this.#url) return;
    this.#url = url;
    this.#cues = [];
    if (url === null) this.#fill(0);
    // A seek bar without pictures is one all the same.
    else void this.#load(url, 0).catch(() => {});
  }

  async #load(url: string, offsetS: number): Promise<void> {
    const response = await fetch(url);
    if (!response.ok || this.#url !== url) return;
    this.#cues = readPictureCues(await response.text(), new URL(url, document.baseURI).href);
    this.#fill(offsetS);
  }

  #fill(offsetS: number): void {
    const track = this.#track;
    if (track === null) return;
    for (const cue of [...track.cues ?? []]) track.removeCue(cue);
    for (const { fromS, toS, url } of this.#cues) {
      track.addCue(new VTTCue(fromS + offsetS, toS + offsetS, url));
    }
  }
}
